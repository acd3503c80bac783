//! Masks `${name}`, so that YAML with variables can be parsed.
//!
//! Braces have a meaning in YAML, so `[${a}, 1]` would not be parsed as it looks. While the YAML is read, two noncharacter
//! code points replace the braces of variables. Each takes one column, as a brace does.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A text without its byte order mark, which the YAML reader does not count.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

pub(super) const OPEN: char = '\u{fdd0}';
pub(super) const CLOSE: char = '\u{fdd1}';

/// The first character that YAML does not allow, or that stands for a masked brace, and its byte offset.
pub(super) fn unreadable(text: &str) -> Option<(usize, char)> {
    let readable = |c: char| match c {
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' => !matches!(c, OPEN | CLOSE | '\u{feff}'),
        c => c >= '\u{10000}',
    };
    without_mark(text).char_indices().find(|(_, c)| !readable(*c))
}

/// Masks the braces of variables in a text and removes its byte order mark.
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

/// The number of bytes at the start of a text that can be a variable's name: ASCII letters, digits, `_`, `-`, `.`.
fn name_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')).count()
}

/// Restores masked braces in a text.
pub(crate) fn unmask(text: &str) -> String {
    text.replace(OPEN, "{").replace(CLOSE, "}")
}

/// The names of the variables in a text.
pub(crate) fn names(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    pieces(text, &mut |piece| {
        if let Piece::Variable(name) = piece {
            found.insert(name.to_owned());
        }
    });
    found
}

/// Replaces the variables that have values in a text.
pub(crate) fn substituted(text: &str, values: &BTreeMap<String, String>) -> String {
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

/// Splits a text at its variables. `$${` is not one.
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
