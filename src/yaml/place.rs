//! Where a node stands in the text.
//!
//! A parsed tree has no marks, so a place is looked up when a message needs one: the text is read again along the path
//! and the reading stopped at the node, and the YAML reader's error then says where that is.

use super::mask;
use super::merge_keys;
use super::path::{NodePath, Step};
use super::tree;
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};

/// A place in a YAML text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file, or what the caller called the text.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line's text.
    pub text: String,
    /// How many characters to underline, at least 1.
    pub length: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The part of a node whose place is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The key that leads to it.
    Key,
    /// The node itself.
    Value,
}

/// The place of a node, or of the nearest node above it that can be found.
pub(crate) fn place(text: &str, origin: &str, at: &NodePath, part: Part) -> Option<Place> {
    let masked = mask::mask(text);
    let root = tree::read(&masked, "file").ok()?;
    let steps = merge_keys::written_path(&root, &at.0);
    // An entry of a list has no key.
    let part = if matches!(steps.last(), Some(Step::Key(_))) { part } else { Part::Value };
    let (line, column) = single(&masked, steps, part)?;
    Some(place_at(text, origin, offset(text, line, column)))
}

/// The line and column of a node of a masked text, or of the nearest one above it.
pub(super) fn single(masked: &str, mut steps: Vec<Step>, mut part: Part) -> Option<(usize, usize)> {
    loop {
        let found = serde_yaml::Deserializer::from_str(masked)
            .next()
            .and_then(|document| Walk { steps: &steps, part }.deserialize(document).err())
            .and_then(|error| error.location());
        if let Some(location) = found {
            return Some((location.line(), location.column()));
        }
        steps.pop()?;
        part = Part::Value;
    }
}

/// The place of the second document of a text.
pub(super) fn second_document(text: &str, origin: &str) -> Option<Place> {
    let masked = mask::mask(text);
    let document = serde_yaml::Deserializer::from_str(&masked).nth(1)?;
    let error = Walk { steps: &[], part: Part::Value }.deserialize(document).err()?;
    let location = error.location()?;
    Some(place_at(text, origin, offset(text, location.line(), location.column())))
}

/// The byte offset of a place that the YAML reader names, in a text without byte order mark. The reader ends lines at more
/// characters than editors do, and its own offsets count the masks of variables.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let text = mask::without_mark(text);
    let (mut at_line, mut at_column) = (1, 1);
    let mut chars = text.char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        if at_line > line || (at_line == line && at_column >= column) {
            return offset;
        }
        match c {
            '\r' if chars.peek().is_some_and(|(_, next)| *next == '\n') => {}
            '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => (at_line, at_column) = (at_line + 1, 1),
            _ => at_column += 1,
        }
    }
    text.len()
}

/// The byte offset, mark included, of a line and column from 1 as a [`Place`] counts them.
pub(super) fn byte_at(text: &str, line: usize, column: usize) -> Option<usize> {
    let mark = text.len() - mask::without_mark(text).len();
    let start: usize = mask::without_mark(text).split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let rest = text.get(mark + start..)?;
    let within = rest.char_indices().nth(column.checked_sub(1)?).map_or(rest.len(), |(at, _)| at);
    Some(mark + start + within)
}

/// The place of a byte offset, counted without a byte order mark. The end of the text is the end of what is written.
pub(crate) fn place_at(text: &str, origin: &str, offset: usize) -> Place {
    let text = mask::without_mark(text);
    let offset = if text.get(offset..).is_some_and(|rest| rest.trim().is_empty()) {
        text.trim_end().char_indices().next_back().map_or(0, |(last, _)| last)
    } else {
        offset.min(text.len())
    };
    let (before, after) = text.split_at(offset);
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_before = &before[start..];
    let rest = after.split(['\n', '\r']).next().unwrap_or_default();
    Place {
        file: origin.to_owned(),
        line: before.matches('\n').count() + 1,
        column: line_before.chars().count() + 1,
        text: format!("{line_before}{rest}").trim_end_matches('\r').to_owned(),
        length: token_length(line_before, rest).max(1),
    }
}

/// How many characters the token at the start of `rest` has.
fn token_length(before: &str, rest: &str) -> usize {
    let in_flow = before.matches(['[', '{']).count() > before.matches([']', '}']).count();
    let end = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted_end(rest, quote),
        Some('[' | '{') => bracketed_end(rest),
        _ => plain_end(rest, in_flow),
    };
    rest.get(..end).unwrap_or(rest).trim_end().chars().count()
}

fn quoted_end(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (offset, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return offset + 1,
            _ => {}
        }
    }
    rest.len()
}

fn bracketed_end(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in rest.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return offset + 1;
        }
    }
    rest.len()
}

fn plain_end(rest: &str, in_flow: bool) -> usize {
    let mut variable = false;
    let mut previous = ' ';
    let mut chars = rest.char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        match c {
            '{' if previous == '$' => variable = true,
            '}' if variable => variable = false,
            ':' if next.is_whitespace() && offset > 0 => return offset,
            '#' if previous.is_whitespace() && offset > 0 => return offset,
            ',' | ']' | '}' if in_flow => return offset,
            '-' | ':' | '?' if offset == 0 && next.is_whitespace() => return 1,
            _ => {}
        }
        previous = c;
    }
    rest.len()
}

/// Reads along a path and fails at its end.
#[derive(Clone, Copy)]
struct Walk<'a> {
    steps: &'a [Step],
    part: Part,
}

const FOUND: &str = "the node that was looked for";

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Walk<'_> {
    /// At a scalar: the end of the path, or a path that does not fit the text.
    fn scalar<E: serde::de::Error>(self) -> Result<(), E> {
        if self.steps.is_empty() { Err(E::custom(FOUND)) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node of the file")
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.steps.split_first() else {
            return Err(A::Error::custom(FOUND));
        };
        let Step::Index(wanted) = step else { return Ok(()) };
        for _ in 0..*wanted {
            if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
        }
        list.next_element_seed(Walk { steps: rest, part: self.part })?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.steps.split_first() else {
            return Err(A::Error::custom(FOUND));
        };
        let Step::Key(wanted) = step else { return Ok(()) };
        let stop = rest.is_empty() && self.part == Part::Key;
        while let Some(matches) = map.next_key_seed(Key { wanted, stop })? {
            if matches {
                map.next_value_seed(Walk { steps: rest, part: self.part })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let (_, content) = data.variant::<String>()?;
        content.newtype_variant_seed(self)
    }
}

/// Compares a key, and fails at it where it is the node looked for.
struct Key<'a> {
    wanted: &'a str,
    stop: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        let matches = mask::unmask(key) == self.wanted;
        if matches && self.stop { Err(E::custom(FOUND)) } else { Ok(matches) }
    }
}
