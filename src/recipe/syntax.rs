//! What is the matter with a text that is no YAML, where more can be said than the YAML reader does.

use super::error::{Error, ErrorKind};
use super::locate;
use super::tree::without_mark;
use super::types::Origin;

const HINT: &str = "put spaces in its place";

/// An error at a byte offset, counted without byte order mark.
fn error(source: &Origin, offset: usize, message: String, hint: String) -> Error {
    let place = locate::place_at(&source.text, &source.name, offset);
    Error { kind: ErrorKind::Syntax, message, place: Some(Box::new(place)), hint: Some(hint), others: Vec::new() }
}

/// A character that looks like a space and indents the line at `offset`, where the YAML reader stopped, or the one before.
pub(super) fn indented_otherwise(source: &Origin, offset: usize) -> Option<Error> {
    let text = without_mark(&source.text);
    let before = text.get(..offset.min(text.len()))?;
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    if text.get(offset..).is_some_and(|rest| rest.starts_with('\t')) && !before.get(line..)?.trim().is_empty() {
        let message = "a tab stands here, and YAML wants spaces".to_owned();
        return Some(error(source, offset, message, HINT.to_owned()));
    }
    let previous = before.get(..line.saturating_sub(1))?.rfind('\n').map_or(0, |newline| newline + 1);
    [line, previous].into_iter().find_map(|start| {
        let line = text.get(start..)?.split('\n').next()?;
        let indent = line.len() - line.trim_start().len();
        // A line of blanks indents nothing.
        let (at, c) = line.get(..indent)?.char_indices().find(|(_, c)| !matches!(c, ' ' | '\r'))?;
        if indent == line.len() {
            return None;
        }
        let what = if c == '\t' { "a tab".to_owned() } else { format!("the character U+{:04X}", u32::from(c)) };
        let message = format!("{what} indents this line, and YAML indents with spaces only");
        Some(error(source, start + at, message, HINT.to_owned()))
    })
}

/// A tag that asks for a Python object, which the YAML reader would pass over.
pub(super) fn python_tag(text: &str) -> Option<(usize, String)> {
    const TAG: &str = "!!python";
    let text = without_mark(text);
    text.match_indices(TAG).find_map(|(offset, _)| {
        let before = text.get(..offset)?;
        let line = before.rsplit('\n').next()?;
        let begins = line.is_empty() || line.ends_with([' ', '\t', '[', '{', ',']);
        let quoted = |quote: char| line.matches(quote).count() % 2 == 1;
        let comment = line.starts_with('#') || line.contains(" #");
        if !begins || comment || quoted('"') || quoted('\'') {
            return None;
        }
        let rest = text.get(offset..)?;
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(rest.len());
        Some((offset, rest.get(..end)?.to_owned()))
    })
}

/// A recipe inside of another text: between the fences of Markdown, as in a model card, or behind a notebook's command.
pub(super) fn wrapped(source: &Origin) -> Option<Error> {
    let text = without_mark(&source.text);
    let begin = text.len() - text.trim_start().len();
    if text.get(begin..)?.starts_with("%%") {
        let message = "the first line is a notebook's command, which is no YAML".to_owned();
        return Some(error(source, begin, message, "take the line away".to_owned()));
    }
    let mut open: Option<(usize, usize)> = None;
    let mut holds = false;
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim();
        let fence = content.starts_with("```") || content.starts_with("~~~");
        match open {
            Some((start, first)) if fence => {
                if holds {
                    let message = "this is a Markdown text with a recipe in it, not a recipe".to_owned();
                    let hint = format!("write lines {first} to {number} into a file of their own");
                    return Some(error(source, start, message, hint));
                }
                open = None;
            }
            None if fence => (open, holds) = (Some((offset, number + 2)), false),
            _ => holds |= content.starts_with("merge_method:"),
        }
        offset += line.len();
    }
    None
}
