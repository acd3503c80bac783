//! A map of the file, its keys checked against the table of its level.

use super::diagnostic::{Checked, Diagnostic};
use super::diagnostics::{Diagnostics, MOST_UNKNOWN};
use super::keys::{KeyTable, Status};
use super::message::quoted;
use super::path::NodePath;
use super::tree::Node;

/// A map whose every key is known. A key whose value is null is as good as absent.
pub(crate) struct Fields<'n> {
    entries: &'n [(String, Node)],
    at: NodePath,
    level: &'static KeyTable,
    /// Keys that others, which the level does not have, were probably meant for.
    meant: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    pub(crate) fn of(
        node: &'n Node,
        at: &NodePath,
        level: &'static KeyTable,
        diagnostics: &mut Diagnostics,
    ) -> Checked<Self> {
        let Node::Map(entries) = node else {
            let hint = matches!(node, Node::Text(_)).then(|| level.hint_for_text()).flatten();
            return Err(Diagnostic::value(at, format!("expected {} as a map, found {node}", level.name)).hint(hint));
        };
        let mut meant = Vec::new();
        let mut unknown = 0;
        for (key, value) in entries {
            let path = at.key(key);
            unknown += usize::from(level.key(key).is_none());
            if unknown > MOST_UNKNOWN {
                let message = format!("more than {MOST_UNKNOWN} unknown keys in {}", level.name);
                diagnostics.fault(Diagnostic::key(&path, message));
                break;
            }
            match level.key(key).map(|key| key.status) {
                Some(Status::Read) => {}
                Some(Status::NoEffect) => diagnostics.warn(&path, format!("`{key}` has no effect")),
                None => {
                    if let Some(remark) = level.advice.remark(level, entries, key, value) {
                        diagnostics.warn(&path, remark);
                    } else {
                        let message = format!("unknown key {} in {}", quoted(key), level.name);
                        diagnostics.fault(Diagnostic::key(&path, message).hint(level.hint(key)));
                        meant.extend(level.meant(key));
                    }
                }
            }
        }
        Ok(Self { entries, at: at.clone(), level, meant })
    }

    /// Whether a key that the level does not have was probably meant to be this one.
    pub(crate) fn is_meant(&self, key: &str) -> bool {
        self.meant.contains(&key)
    }

    /// The value of a key and its path.
    pub(crate) fn get(&self, key: &str) -> Option<(&'n Node, NodePath)> {
        let (_, value) = self.entries.iter().find(|(name, _)| name == key)?;
        (!matches!(value, Node::Null)).then(|| (value, self.at.key(key)))
    }

    /// The value of a key that must be there.
    pub(crate) fn need(&self, key: &str) -> Checked<(&'n Node, NodePath)> {
        self.get(key).ok_or_else(|| {
            let doc = self.level.key(key).map(|key| format!("`{}:` {}", key.name, key.doc));
            let fault = Diagnostic::value(&self.at, format!("{} has no `{key}`", self.level.name));
            fault.hint(doc).follows(self.is_meant(key))
        })
    }
}
