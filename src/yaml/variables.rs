//! `${name}`: fills variables into the scalars of a tree.

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::{Checked, Diagnostic};
use super::diagnostics::Diagnostics;
use super::error::ErrorKind;
use super::mask::{CLOSE, OPEN, substituted, unmask};
use super::message::quoted;
use super::path::{NodePath, Step};
use super::text::YamlText;
use super::tree::Node;
use crate::nearest::nearest;

/// The variables of a recipe, with a record of which were used.
pub(crate) struct Variables<'a> {
    values: &'a BTreeMap<String, String>,
    used: BTreeSet<&'a str>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(values: &'a BTreeMap<String, String>) -> Self {
        Self { values, used: BTreeSet::new() }
    }

    /// The variables that no scalar named.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &'a str> {
        self.values.keys().map(String::as_str).filter(|name| !self.used.contains(name))
    }

    /// Writes the variables' values into the scalars of a tree. Scalars that name a variable without a value are left as
    /// they are, and recorded.
    pub(crate) fn fill(&mut self, node: &mut Node, at: &mut NodePath, diagnostics: &mut Diagnostics) {
        match node {
            Node::Text(text) if text.contains('$') => {
                let whole = text.starts_with('$') && text.ends_with(CLOSE);
                let Some(filled) = self.filled(text, at, diagnostics) else {
                    diagnostics.unknown(at);
                    *node = Node::Text(unmask(text));
                    return;
                };
                if let Some(conditions) = conditions(&filled).filter(|_| whole) {
                    *node = conditions;
                    return;
                }
                // A value is read like a plain scalar. Numbers and flags are read from strings wherever they are expected.
                let null = whole && matches!(filled.trim(), "" | "null" | "Null" | "NULL" | "~");
                *node = if null { Node::Null } else { Node::Text(filled) };
            }
            Node::List(entries) => {
                for (index, entry) in entries.iter_mut().enumerate() {
                    at.0.push(Step::Index(index));
                    self.fill(entry, at, diagnostics);
                    at.0.pop();
                }
            }
            Node::Map(entries) => {
                for (key, value) in entries {
                    at.0.push(Step::Key(key.clone()));
                    self.fill(value, at, diagnostics);
                    at.0.pop();
                }
            }
            _ => {}
        }
    }

    /// The text with its variables filled in; `None` where one has no value.
    fn filled(&mut self, text: &str, at: &NodePath, diagnostics: &mut Diagnostics) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut known = true;
        let mut rest = text;
        while let Some(start) = rest.find('$') {
            let (before, found) = rest.split_at(start);
            out.push_str(&unmask(before));
            if let Some(escaped) = found.strip_prefix("$$").and_then(|after| after.strip_prefix([OPEN, '{'])) {
                out.push_str("${");
                rest = escaped;
            } else if let Some((name, after)) = found.strip_prefix('$').and_then(named) {
                match self.value(name, at) {
                    Ok(value) => out.push_str(value),
                    Err(fault) => {
                        diagnostics.variable(name, fault);
                        known = false;
                    }
                }
                rest = after;
            } else if found.starts_with("${") {
                diagnostics.fault(malformed(found, at));
                return None;
            } else {
                out.push('$');
                rest = found.get(1..).unwrap_or_default();
            }
        }
        out.push_str(&unmask(rest));
        known.then_some(out)
    }

    fn value(&mut self, name: &str, at: &NodePath) -> Checked<&'a str> {
        if let Some((name, value)) = self.values.get_key_value(name) {
            self.used.insert(name);
            return Ok(value);
        }
        let hint = match nearest(name, self.values.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `${{{near}}}`?"),
            None => format!("give it one with `--set {name}=…`"),
        };
        let message = format!("the variable `${{{name}}}` has no value");
        Err(Diagnostic::value(at, message).kind(ErrorKind::Variable).hint(hint))
    }
}

/// How a list of conditions begins in one line.
const CONDITIONS: &str = "[{";

/// The value of a variable that is a list of conditions in brackets, as a sweep gives groups of tensors values of their own. `$${` in
/// it is `${`, as in the recipe that it is written into.
fn conditions(value: &str) -> Option<Node> {
    if !value.starts_with(CONDITIONS) {
        return None;
    }
    let plain = value.replace("$${", "${");
    let node = YamlText { text: &plain, name: "a variable", what: "variable" }.tree().ok()?;
    matches!(node, Node::List(_)).then_some(node)
}

/// The name of a masked variable whose `$` was removed, and the text after it.
fn named(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(OPEN)?.split_once(CLOSE)
}

fn malformed(text: &str, at: &NodePath) -> Diagnostic {
    let message = format!("expected a variable such as `${{name}}`, found {}", quoted(text));
    Diagnostic::value(at, message)
        .kind(ErrorKind::Variable)
        .hint("a name has letters, digits, `_`, `-` and `.`; `$${` writes the two characters themselves".to_owned())
}

/// A text with its variables written out, without the margin that all its lines have and without empty lines before it.
pub(crate) fn filled_block(text: &str, values: &BTreeMap<String, String>) -> String {
    let filled = filled(text, values);
    let lines: Vec<&str> = filled.lines().skip_while(|line| line.trim().is_empty()).collect();
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let margin = lines.iter().filter(|line| !line.trim().is_empty()).map(indent).min().unwrap_or(0);
    lines.iter().flat_map(|line| [line.get(margin..).unwrap_or_default().trim_end(), "\n"]).collect()
}

/// Replaces the variables in a text. A number, or a list of conditions, that replaces a quoted variable loses the quotes.
pub(crate) fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    let numbers = values.iter().filter(|(_, value)| value.parse::<f64>().is_ok() || value.starts_with(CONDITIONS));
    let bare = numbers.fold(text.to_owned(), |text, (name, _)| {
        let variable = format!("${{{name}}}");
        text.replace(&format!("\"{variable}\""), &variable).replace(&format!("'{variable}'"), &variable)
    });
    substituted(&bare, values)
}
