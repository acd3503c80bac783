//! The fields of a line.

use std::borrow::Cow;

use crate::eval::fields::{tab_separated, white_space_separated};

/// How a file separates fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Tabs, with quotes as in Python's csv reader (BEIR).
    Csv,
    /// White space, with comment lines that begin with `#` (TREC).
    Trec,
}

impl Style {
    pub(super) fn is_blank(self, line: &str) -> bool {
        let line = line.trim();
        line.is_empty() || (self == Self::Trec && line.starts_with('#'))
    }
}

/// Splits a line into fields. A line without tabs is split at white space in either style.
pub(super) fn fields(line: &str, style: Style) -> Result<Vec<Cow<'_, str>>, String> {
    if style == Style::Trec || !line.contains('\t') {
        return Ok(white_space_separated(line).map(Cow::Borrowed).collect());
    }
    tab_separated(line).map_err(|field| format!("the quote of field {field} does not end"))
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
