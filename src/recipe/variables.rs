//! `${name}`: variables in the scalars of a recipe.
//!
//! Braces have a meaning in YAML, so `[${a}, 1]` would not be read as it looks. The braces of variables are masked before the
//! YAML is read, by two code points that are no characters; each takes one column, as the brace does.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::error::{Checked, ErrorKind, Fault, shown};
use super::nearest::nearest;
use super::notes::Notes;
use super::tree::{Node, without_mark};
use super::types::{NodePath, Step};

const OPEN: char = '\u{fdd0}';
const CLOSE: char = '\u{fdd1}';

/// The first character that YAML does not allow, or that stands for a masked brace, and its byte offset.
pub(super) fn unreadable(text: &str) -> Option<(usize, char)> {
    let readable = |c: char| match c {
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' => !matches!(c, OPEN | CLOSE | '\u{feff}'),
        c => c >= '\u{10000}',
    };
    without_mark(text).char_indices().find(|(_, c)| !readable(*c))
}

/// The text with the braces of its variables masked and without byte order mark.
pub(super) fn mask(text: &str) -> Cow<'_, str> {
    let text = without_mark(text);
    if !text.contains("${") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, found) = rest.split_at(start);
        out.push_str(before);
        let inner = found.get(2..).unwrap_or_default();
        let length = name_length(inner);
        if length > 0 && inner.get(length..).is_some_and(|after| after.starts_with('}')) {
            out.push('$');
            out.push(OPEN);
            out.push_str(inner.get(..length).unwrap_or_default());
            out.push(CLOSE);
            rest = inner.get(length + 1..).unwrap_or_default();
        } else {
            out.push_str("${");
            rest = inner;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Bytes at the start of a text that can be a variable's name: ASCII letters, digits, `_`, `-`, `.`.
fn name_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')).count()
}

/// A text with masked braces written out.
pub(super) fn unmask(text: &str) -> String {
    text.replace(OPEN, "{").replace(CLOSE, "}")
}

/// The names of the variables in a text.
pub(super) fn names(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    pieces(text, &mut |piece| {
        if let Piece::Variable(name) = piece {
            found.insert(name.to_owned());
        }
    });
    found
}

/// A text with the variables that have values written out.
pub(super) fn substituted(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    pieces(text, &mut |piece| match piece {
        Piece::Plain(plain) => out.push_str(plain),
        Piece::Variable(name) => match values.get(name) {
            Some(value) => out.push_str(value),
            None => out.extend(["${", name, "}"]),
        },
    });
    out
}

/// A part of a text.
enum Piece<'t> {
    Plain(&'t str),
    Variable(&'t str),
}

/// Cuts a text at its variables. `$${` is none.
fn pieces<'t>(text: &'t str, each: &mut dyn FnMut(Piece<'t>)) {
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let escaped = rest.get(..start).is_some_and(|before| before.ends_with('$'));
        let inner = rest.get(start + 2..).unwrap_or_default();
        let length = name_length(inner);
        let is_variable = !escaped && length > 0 && inner.get(length..).is_some_and(|after| after.starts_with('}'));
        let plain = if is_variable { start } else { start + 2 };
        each(Piece::Plain(rest.get(..plain).unwrap_or_default()));
        if is_variable {
            each(Piece::Variable(inner.get(..length).unwrap_or_default()));
            rest = inner.get(length + 1..).unwrap_or_default();
        } else {
            rest = inner;
        }
    }
    each(Piece::Plain(rest));
}

/// The variables of a recipe, with a record of which were used.
pub(super) struct Variables<'a> {
    values: &'a BTreeMap<String, String>,
    used: BTreeSet<&'a str>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(values: &'a BTreeMap<String, String>) -> Self {
        Self { values, used: BTreeSet::new() }
    }

    /// The variables that no scalar named.
    pub(super) fn unused(&self) -> impl Iterator<Item = &'a str> {
        self.values.keys().map(String::as_str).filter(|name| !self.used.contains(name))
    }

    /// Writes the variables' values into the scalars of a tree. Scalars that name a variable without one are left as they
    /// are written, and noted.
    pub(super) fn fill(&mut self, node: &mut Node, at: &mut NodePath, notes: &mut Notes) {
        match node {
            Node::Text(text) if text.contains('$') => {
                let whole = text.starts_with('$') && text.ends_with(CLOSE);
                let Some(filled) = self.filled(text, at, notes) else {
                    notes.unknown(at);
                    *node = Node::Text(unmask(text));
                    return;
                };
                // A value reads as a plain scalar does. Numbers and flags are read from text wherever they are wanted.
                let null = whole && matches!(filled.trim(), "" | "null" | "Null" | "NULL" | "~");
                *node = if null { Node::Null } else { Node::Text(filled) };
            }
            Node::List(entries) => {
                for (index, entry) in entries.iter_mut().enumerate() {
                    at.0.push(Step::Index(index));
                    self.fill(entry, at, notes);
                    at.0.pop();
                }
            }
            Node::Map(entries) => {
                for (key, value) in entries {
                    at.0.push(Step::Key(key.clone()));
                    self.fill(value, at, notes);
                    at.0.pop();
                }
            }
            _ => {}
        }
    }

    /// The text with its variables filled in; `None` where one has no value.
    fn filled(&mut self, text: &str, at: &NodePath, notes: &mut Notes) -> Option<String> {
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
                        notes.variable(name, fault);
                        known = false;
                    }
                }
                rest = after;
            } else if found.starts_with("${") {
                notes.fault(malformed(found, at));
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
        Err(Fault::value(at, message).kind(ErrorKind::Variable).hint(hint))
    }
}

/// The name of a masked variable whose `$` is taken off, and what comes after it.
fn named(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(OPEN)?.split_once(CLOSE)
}

fn malformed(text: &str, at: &NodePath) -> Fault {
    let message = format!("expected a variable such as `${{name}}`, found {}", shown(text));
    Fault::value(at, message)
        .kind(ErrorKind::Variable)
        .hint("a name has letters, digits, `_`, `-` and `.`; `$${` writes the two characters themselves".to_owned())
}
