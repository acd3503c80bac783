//! Explains some YAML syntax errors better than the YAML reader does.

use super::mask::without_mark;

pub(super) const HINT: &str = "put spaces in its place";

/// Finds a character that looks like a space and indents the line at `offset`, where the YAML reader stopped, or the line
/// before it.
pub(super) fn indented_otherwise(text: &str, offset: usize) -> Option<(usize, String)> {
    let text = without_mark(text);
    let before = text.get(..offset.min(text.len()))?;
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    if text.get(offset..).is_some_and(|rest| rest.starts_with('\t')) && !before.get(line..)?.trim().is_empty() {
        let message = "a tab stands here, and YAML wants spaces".to_owned();
        return Some((offset, message));
    }
    let previous = before.get(..line.saturating_sub(1))?.rfind('\n').map_or(0, |newline| newline + 1);
    [line, previous].into_iter().find_map(|start| {
        let line = text.get(start..)?.split('\n').next()?;
        let indent = line.len() - line.trim_start().len();
        // A blank line has no indentation.
        let (at, c) = line.get(..indent)?.char_indices().find(|(_, c)| !matches!(c, ' ' | '\r'))?;
        if indent == line.len() {
            return None;
        }
        let what = if c == '\t' { "a tab".to_owned() } else { format!("the character U+{:04X}", u32::from(c)) };
        let message = format!("{what} indents this line, and YAML indents with spaces only");
        Some((start + at, message))
    })
}

/// Finds a tag for a Python object, which the YAML reader would ignore.
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
