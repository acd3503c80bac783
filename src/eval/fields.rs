//! Splits lines into fields.

use std::borrow::Cow;

/// The fields between white space as in C's `isspace`. Ids may contain any other character, including other Unicode spaces.
pub(super) fn white_space_separated(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_ascii_whitespace() || c == '\u{b}').filter(|field| !field.is_empty())
}

/// The fields between tabs. A field that begins with a quote is quoted as in CSV, like in Python's default reader. The
/// error is the number of a field, from 1, whose quote does not end.
pub(super) fn tab_separated(line: &str) -> Result<Vec<Cow<'_, str>>, usize> {
    let mut found = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (field, left) = match text.strip_prefix('"') {
            Some(inner) => quoted(inner).ok_or(found.len() + 1)?,
            None => match text.split_once('\t') {
                Some((field, left)) => (Cow::Borrowed(field), Some(left)),
                None => (Cow::Borrowed(text), None),
            },
        };
        found.push(field);
        rest = left;
    }
    Ok(found)
}

/// The content of a quoted field, and the text after the tab that ends it. Two quotes stand for one; text after the closing
/// quote belongs to the field.
fn quoted(text: &str) -> Option<(Cow<'_, str>, Option<&str>)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        if let Some(after) = after.strip_prefix('"') {
            field.push('"');
            rest = after;
            continue;
        }
        let (tail, left) = after.split_once('\t').map_or((after, None), |(tail, left)| (tail, Some(left)));
        field.push_str(tail);
        return Some((Cow::Owned(field), left));
    }
}
