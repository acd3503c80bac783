//! Builds text for a terminal line by line.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

use super::hidden::line;

/// Lines for a terminal. A text stays within its line: line ends and characters that move the cursor are escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(Vec<Line>);

/// A line of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    strong: bool,
    /// Whether it may go on in the next line of a narrow terminal, from word to word.
    wraps: bool,
}

impl Page {
    /// An empty page.
    pub fn new() -> Self {
        Self::default()
    }

    /// A page of one line.
    pub fn of(text: impl fmt::Display) -> Self {
        let mut page = Self::new();
        page.line(text);
        page
    }

    /// Adds a line, which a narrow terminal breaks between words.
    pub fn line(&mut self, text: impl fmt::Display) -> &mut Self {
        self.push(&text.to_string(), false, true)
    }

    /// Adds a line that is never broken: a command to copy, or a row of a table.
    pub fn whole(&mut self, text: impl fmt::Display) -> &mut Self {
        self.push(&text.to_string(), false, false)
    }

    /// Adds a line that is never broken, bold where `styled`.
    pub fn strong(&mut self, text: impl fmt::Display, styled: bool) -> &mut Self {
        self.push(&text.to_string(), styled, false)
    }

    fn push(&mut self, text: &str, strong: bool, wraps: bool) -> &mut Self {
        self.0.push(Line { text: line(text).trim_end().to_owned(), strong, wraps });
        self
    }

    /// Adds an empty line.
    pub fn gap(&mut self) -> &mut Self {
        self.push("", false, false)
    }

    /// Adds another page below.
    pub fn add(&mut self, other: &Self) -> &mut Self {
        self.0.extend_from_slice(&other.0);
        self
    }

    /// The page for a terminal of so many columns; without, as it is.
    pub fn within(&self, columns: Option<usize>) -> String {
        let mut out = String::new();
        for Line { text, strong, wraps } in &self.0 {
            out.push_str(if *strong { "\x1b[1m" } else { "" });
            match columns.filter(|_| *wraps) {
                Some(columns) => out.push_str(&wrapped(text, columns)),
                None => out.push_str(text),
            }
            out.push_str(if *strong { "\x1b[0m\n" } else { "\n" });
        }
        out
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.within(None))
    }
}

/// A line that is spelt out, broken between words where it is longer than a terminal is wide. What follows stands below the
/// value of a line that has a name in front of it.
pub fn wrapped(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let indent = indent(text).min(columns / 2);
    let (mut out, mut now) = (String::new(), String::new());
    let mut words = text.split(' ');
    now.push_str(words.next().unwrap_or_default());
    for word in words {
        if now.trim().is_empty() || now.width() + 1 + word.width() <= columns {
            now.push(' ');
        } else if word.is_empty() {
            continue;
        } else {
            out.push_str(now.trim_end());
            out.push('\n');
            now = " ".repeat(indent);
        }
        now.push_str(word);
    }
    out + now.trim_end()
}

/// Where the value of a line begins: behind its first gap of two spaces, or else two behind its beginning.
fn indent(text: &str) -> usize {
    let lead = text.len() - text.trim_start().len();
    let rest = text.get(lead..).unwrap_or_default();
    match rest.split_once("  ") {
        Some((name, value)) => lead + name.width() + 2 + (value.len() - value.trim_start().len()),
        None => lead + 2,
    }
}

/// The number of terminal columns of a text as it is shown; Korean letters take two.
pub fn width(text: &str) -> usize {
    line(text).width()
}

/// Pads a text with spaces to a number of columns.
pub fn padded(text: &str, columns: usize) -> String {
    let text = line(text);
    let space = " ".repeat(columns.saturating_sub(text.width()));
    text + &space
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_a_line() {
        let mut page = Page::new();
        page.line(format_args!("{}  0.5", "x\x1b[2J\nFORGED  0.9999\u{202e}")).gap().strong("b\nc", true);
        assert_eq!(page.to_string(), "x\\u{1b}[2J\\nFORGED  0.9999\\u{202e}  0.5\n\n\x1b[1mb\\nc\x1b[0m\n");
    }

    #[test]
    fn long_lines_are_broken_between_words_below_their_value() {
        let text = "  cost     a trial merges 90.6 MB and encodes about 1.2 M tokens";
        assert_eq!(
            Page::of(text).within(Some(40)),
            "  cost     a trial merges 90.6 MB and\n           encodes about 1.2 M tokens\n"
        );
        assert_eq!(Page::of(text).within(Some(80)), format!("{text}\n"));
        assert_eq!(Page::of(text).within(None), format!("{text}\n"));
        let command = "next: admix sweep pick studies/ko-en -o recipe.yaml";
        assert_eq!(Page::new().whole(command).within(Some(20)), format!("{command}\n"));
        assert_eq!(wrapped("한국어 검색 모델 병합", 12), "한국어 검색\n  모델 병합");
        assert_eq!(wrapped(&"x".repeat(30), 12), "x".repeat(30));
    }

    #[test]
    fn korean_letters_take_two_columns() {
        assert_eq!(padded("한", 4), "한  ");
        assert_eq!(width("a\n한"), 5);
    }
}
