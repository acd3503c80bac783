//! Finds positions in the text of a JSON file, so that a few values can be changed and the rest stays as it is written.

use std::ops::Range;

/// The members of an object: each key as it is written, without quotes, and the range of its value in `text`.
///
/// The text must be JSON; `object` is the range of the object. The result is empty for anything but an object.
pub(super) fn members(text: &str, object: Range<usize>) -> Vec<(&str, Range<usize>)> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = blank(bytes, object.start);
    if bytes.get(at) != Some(&b'{') {
        return found;
    }
    at = blank(bytes, at + 1);
    while at < object.end && bytes.get(at) == Some(&b'"') {
        let after = string(bytes, at);
        let key = text.get(at + 1..after.saturating_sub(1)).unwrap_or_default();
        // Skips the colon.
        let start = blank(bytes, blank(bytes, after) + 1);
        let end = value(bytes, start);
        found.push((key, start..end));
        at = blank(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = blank(bytes, at + 1);
        }
    }
    found
}

/// The range of the value of a key of an object.
pub(super) fn member(text: &str, object: Range<usize>, key: &str) -> Option<Range<usize>> {
    members(text, object).into_iter().rev().find(|(name, _)| *name == key).map(|(_, place)| place)
}

/// Where an entry can be added to the object or list at `place`, and the text before and after it: a comma if there are
/// entries already, and the line break and indentation of the others.
pub(super) fn end_of(text: &str, place: &Range<usize>) -> End {
    let close = place.end.saturating_sub(1);
    let inside = text.get(place.start + 1..close).unwrap_or_default();
    let entries = inside.trim_end();
    let gap = inside.get(entries.len()..).unwrap_or_default();
    let is_empty = entries.trim().is_empty();
    let line = if gap.contains('\n') && !is_empty {
        format!("\n{}  ", gap.rsplit('\n').next().unwrap_or_default())
    } else {
        String::new()
    };
    End { at: place.start + 1 + if is_empty { 0 } else { entries.len() }, is_empty, line }
}

/// Where entries are added.
pub(super) struct End {
    pub(super) at: usize,
    is_empty: bool,
    line: String,
}

impl End {
    /// The text that adds the entries.
    pub(super) fn add(&self, entries: impl Iterator<Item = String>) -> String {
        let mut out = String::new();
        for (index, entry) in entries.enumerate() {
            if index > 0 || !self.is_empty {
                out.push(',');
            }
            out.push_str(&self.line);
            out.push_str(&entry);
        }
        out
    }
}

/// The end of the value that begins at `at`.
fn value(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at),
        Some(b'{' | b'[') => {
            let (mut depth, mut at) = (0usize, at);
            while let Some(byte) = bytes.get(at) {
                match byte {
                    b'"' => {
                        at = string(bytes, at);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    break;
                }
            }
            at
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            let rest = bytes.get(at..).unwrap_or_default();
            at + rest.iter().position(ends).unwrap_or(rest.len())
        }
    }
}

/// The end of the string that begins at `at`.
fn string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The first position from `at` on that is not white space.
fn blank(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn values_are_found_where_they_stand() {
        let text = r#" {"a": [1, {"b": "}\"]"}], "c" :null,"d":{"e":-1.5e3 }} "#;
        let found: Vec<_> = members(text, 0..text.len()).into_iter().map(|(key, place)| (key, &text[place])).collect();
        assert_eq!(found, [("a", r#"[1, {"b": "}\"]"}]"#), ("c", "null"), ("d", r#"{"e":-1.5e3 }"#)]);
        assert!(members("[1]", 0..3).is_empty());
    }

    #[test]
    fn entries_are_added_in_the_style_of_the_others() {
        for (text, expected) in [
            ("[]", "[7,8]"),
            ("[ ]", "[7,8 ]"),
            ("[1,2]", "[1,2,7,8]"),
            ("[\n    1,\n    2\n  ]", "[\n    1,\n    2,\n    7,\n    8\n  ]"),
        ] {
            let end = end_of(text, &(0..text.len()));
            let added = end.add(["7".to_owned(), "8".to_owned()].into_iter());
            assert_eq!(format!("{}{added}{}", &text[..end.at], &text[end.at..]), expected);
        }
    }

    proptest! {
        #[test]
        fn members_are_those_that_serde_reads(entries in prop::collection::vec(("[a-z\\\\\"]{0,4}", "\\PC{0,8}"), 0..5)) {
            let map: serde_json::Map<String, Value> = entries.into_iter()
                .enumerate().map(|(at, (key, text))| (format!("{key}{at}"), serde_json::json!([text, {"x": text}]))).collect();
            for text in [serde_json::to_string(&map).unwrap(), serde_json::to_string_pretty(&map).unwrap()] {
                let found: Vec<Value> = members(&text, 0..text.len()).into_iter()
                    .map(|(_, place)| serde_json::from_str(&text[place]).unwrap()).collect();
                prop_assert_eq!(&found, &map.values().cloned().collect::<Vec<_>>());
            }
        }
    }
}
