//! Lines and columns of a text, for messages.

use std::fmt;

use super::mask;

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

/// Converts a place from the YAML reader to a byte offset in a text without byte order mark. The reader ends lines at more
/// characters than editors do, and its own offsets count masked variables.
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
