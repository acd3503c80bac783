//! Escapes characters that a terminal acts on or that are invisible.

use std::fmt::Write as _;

/// The longest line of a terminal; longer ones are cut.
const LONGEST_LINE: usize = 4000;
/// The longest value in a sentence.
const LONGEST_VALUE: usize = 60;

/// Whether a character moves the cursor, changes the direction of writing, ends a line, or is invisible and carries no
/// meaning.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, joiners of graphemes, the Arabic letter mark and the Mongolian separator of vowels.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}'
            // Hangul and Khmer letters that are blank.
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{17b4}' | '\u{17b5}'
            // Zero-width spaces and joiners; marks of direction.
            | '\u{200b}'..='\u{200f}'
            // Ends of lines and paragraphs; embeddings and overrides of direction.
            | '\u{2028}'..='\u{202e}'
            // Invisible operators, isolates of direction, and what came before them.
            | '\u{2060}'..='\u{206f}'
            // The byte order mark, annotations, and marks of notes and shorthand.
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags, which spell texts that nobody sees, and what else is never drawn.
            | '\u{e0000}'..='\u{e0fff}')
}

/// Appends a character, escaped if it is hidden.
pub(super) fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_hidden(c) => drop(write!(out, "\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

/// At most `most` characters of a text, with hidden ones escaped.
pub(super) fn cut(text: &str, most: usize) -> String {
    let mut out = String::new();
    text.chars().take(most).for_each(|c| push(&mut out, c));
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// Escapes a text for one line of a terminal, so that it cannot forge another line.
pub fn line(text: &str) -> String {
    cut(text, LONGEST_LINE)
}

/// Escapes a value for a sentence: short, on one line, with hidden characters escaped.
pub fn escaped(text: &str) -> String {
    cut(text, LONGEST_VALUE)
}

/// Escapes a text of several lines.
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        line.strip_suffix('\r').unwrap_or(line).chars().for_each(|c| push(&mut out, c));
        out.push_str(end);
    }
    out
}

/// Replaces each hidden character in a line of a file by one visible sign, so that a caret below it is aligned.
pub fn aligned(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_spelt_out() {
        for (hostile, expected) in [
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\x1b]0;title\x07b", "a\\u{1b}]0;title\\u{7}b"),
            ("a\r\nb\tc\0", "a\\r\\nb\\tc\\u{0}"),
            ("a\u{9b}31m\u{7f}\u{85}", "a\\u{9b}31m\\u{7f}\\u{85}"),
            ("a\u{202e}b\u{2066}c\u{2069}", "a\\u{202e}b\\u{2066}c\\u{2069}"),
            ("a\u{200b}\u{feff}\u{2028}\u{2029}", "a\\u{200b}\\u{feff}\\u{2028}\\u{2029}"),
            ("\u{3164}\u{e0041}", "\\u{3164}\\u{e0041}"),
        ] {
            assert_eq!(line(hostile), expected);
            assert_eq!(line(&line(hostile)), expected);
            assert_eq!(aligned(hostile).chars().count(), hostile.chars().count());
            assert!(!aligned(hostile).contains(is_hidden));
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in
            ["한국어 검색", "de\u{301}compose", "각", "日本語\u{3000}全角", "naïve “quoted” 'x' \\ $", "👍🏽", "العربية"]
        {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(line(&"x".repeat(100_000)).chars().count(), LONGEST_LINE + 1);
        assert_eq!(escaped(&"가".repeat(100)), format!("{}…", "가".repeat(LONGEST_VALUE)));
        assert_eq!(escaped(&"x".repeat(LONGEST_VALUE)), "x".repeat(LONGEST_VALUE));
    }

    #[test]
    fn lines_of_a_text_stay_lines() {
        assert_eq!(text("a\nb\r\nc\x1b\n"), "a\nb\nc\\u{1b}\n");
        assert_eq!(text("a\rb"), "a\\rb");
    }
}
