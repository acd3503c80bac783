//! The fields of a line.

use std::borrow::Cow;

/// How a file separates fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Tabs, with quotes as Python's csv reader has them: BEIR.
    Csv,
    /// White space; lines that begin with `#` are comments: TREC.
    Trec,
}

impl Style {
    pub(super) fn is_blank(self, line: &str) -> bool {
        let line = line.trim();
        line.is_empty() || (self == Self::Trec && line.starts_with('#'))
    }
}

/// The fields of a line. A line without tabs is split at white space in either style.
pub(super) fn fields(line: &str, style: Style) -> Result<Vec<Cow<'_, str>>, String> {
    if style == Style::Trec || !line.contains('\t') {
        // White space as C's `isspace` has it: an id may hold the spaces of other scripts.
        let pieces = line.split(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
        return Ok(pieces.filter(|piece| !piece.is_empty()).map(Cow::Borrowed).collect());
    }
    let mut found = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (field, left) = match text.strip_prefix('"') {
            Some(inner) => {
                quoted(inner).ok_or_else(|| format!("the quote of field {} does not end", found.len() + 1))?
            }
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

/// The content of a quoted field, and what follows the tab behind it. Two quotes are one; text behind the closing quote
/// belongs to the field.
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn quotes_are_those_of_csv() {
        let of = |line| fields(line, Style::Csv).unwrap();
        assert_eq!(of("a b\tc\t1"), ["a b", "c", "1"]);
        assert_eq!(of("\"a\"\"\tb\"\tc\"d\t1"), ["a\"\tb", "c\"d", "1"]);
        assert_eq!(of("a\t\t"), ["a", "", ""]);
        assert_eq!(of("\"a\"x\t\"\""), ["ax", ""]);
        assert!(fields("a\t\"b\t1", Style::Csv).unwrap_err().contains("field 2"));
    }

    #[test]
    fn trec_splits_at_white_space_and_knows_no_quotes() {
        assert_eq!(fields(" \"a\u{3000}b\t0  d 1 ", Style::Trec).unwrap(), ["\"a\u{3000}b", "0", "d", "1"]);
        assert_eq!(fields("q d 1", Style::Csv).unwrap(), ["q", "d", "1"]);
        assert!(Style::Trec.is_blank("# x") && !Style::Csv.is_blank("# x") && Style::Csv.is_blank(" \t"));
    }
}
