//! Reading the maps and scalars of a sweep file.

use super::keys::{MOVED, SWEEP};
use crate::recipe::{KeyTable, NodePath};
use crate::yaml::{Checked, Diagnostic, Diagnostics, Fields, Node, number, quoted};

/// A map whose keys its level knows.
pub(super) fn fields<'n>(
    node: &'n Node,
    at: &NodePath,
    level: &'static KeyTable,
    diagnostics: &mut Diagnostics,
) -> Checked<Fields<'n>> {
    if let Node::Map(entries) = node
        && std::ptr::eq(level, &raw const SWEEP)
    {
        for (key, _) in entries.iter().filter(|(key, _)| level.key(key).is_none()) {
            if let Some((_, place)) = MOVED.iter().find(|(moved, _)| moved == key) {
                let message = format!("unknown key {} in {}", quoted(key), level.name);
                return Err(Diagnostic::key(&at.key(key), message).hint(format!("write `{place}`")));
            }
        }
    }
    Fields::of(node, at, level, diagnostics)
}

/// A finite number.
pub(super) fn finite(node: &Node, at: &NodePath) -> Checked<f64> {
    number(node).map_err(|refusal| Diagnostic::value(at, refusal.message).hint(refusal.hint))
}

/// A whole number of at least `least`.
pub(super) fn whole(node: &Node, at: &NodePath, least: u64) -> Checked<u64> {
    let found = finite(node, at)?;
    if found.fract() == 0.0 && found >= least as f64 && found < 9e15 {
        #[expect(clippy::cast_sign_loss, reason = "at least `least`")]
        return Ok(found as u64);
    }
    Err(Diagnostic::value(at, format!("expected a whole number from {least} up, found {node}")))
}

/// A text that is not blank. Numbers stand for themselves.
pub(super) fn text(node: &Node, at: &NodePath, what: &str) -> Checked<String> {
    match node {
        Node::Text(text) if !text.trim().is_empty() => Ok(text.clone()),
        Node::Number(number) => Ok(number.to_string()),
        _ => Err(Diagnostic::value(at, format!("expected {what}, found {node}"))),
    }
}

/// A list that is not empty; one thing stands for a list of it.
pub(super) fn list<'n>(node: &'n Node, at: &NodePath, what: &str) -> Checked<Vec<(&'n Node, NodePath)>> {
    match node {
        Node::List(entries) if entries.is_empty() => {
            Err(Diagnostic::value(at, format!("expected {what}, found an empty list")))
        }
        Node::List(entries) => Ok(entries.iter().enumerate().map(|(index, entry)| (entry, at.index(index))).collect()),
        other => Ok(vec![(other, at.clone())]),
    }
}
