//! Builds text for a terminal line by line.

use std::fmt;

use unicode_width::UnicodeWidthStr as _;

use super::hidden::{cut, line};

/// The widest cell of a table.
const WIDEST: usize = 120;

/// Lines for a terminal. A text stays within its line: line ends and characters that move the cursor are escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page(String);

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

    /// Adds a line.
    pub fn line(&mut self, text: impl fmt::Display) -> &mut Self {
        self.0.push_str(line(&text.to_string()).trim_end());
        self.0.push('\n');
        self
    }

    /// Adds a line, bold where `styled`.
    pub fn strong(&mut self, text: impl fmt::Display, styled: bool) -> &mut Self {
        let text = line(&text.to_string());
        let text = text.trim_end();
        self.0.push_str(if styled { "\x1b[1m" } else { "" });
        self.0.push_str(text);
        self.0.push_str(if styled { "\x1b[0m\n" } else { "\n" });
        self
    }

    /// Adds an empty line.
    pub fn gap(&mut self) -> &mut Self {
        self.0.push('\n');
        self
    }

    /// Adds another page below.
    pub fn add(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

/// A table with two spaces between columns; the given columns are aligned to the right.
pub fn columns(head: &[&str], rows: &[Vec<String>], right: &[usize]) -> Page {
    let cells_of = |cells: &mut dyn Iterator<Item = &str>| cells.map(|cell| cut(cell, WIDEST)).collect::<Vec<String>>();
    let head = cells_of(&mut head.iter().copied());
    let rows: Vec<Vec<String>> = rows.iter().map(|row| cells_of(&mut row.iter().map(String::as_str))).collect();
    let all = || std::iter::once(&head).chain(&rows);
    let widest = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(widest).collect();
    let mut page = Page::new();
    for row in all() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, wide))| {
            let space = " ".repeat(wide.saturating_sub(cell.width()));
            if right.contains(&column) { format!("{space}{cell}") } else { format!("{cell}{space}") }
        });
        // The cells were cut and escaped before.
        page.0.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        page.0.push('\n');
    }
    page
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
    fn columns_stand_under_each_other_as_they_are_shown() {
        let cell = |text: &str| text.to_owned();
        let rows =
            [vec![cell("한국어"), cell("1")], vec![cell("a\nb"), cell("22")], vec![cell(&"x".repeat(500)), cell("3")]];
        let page = columns(&["name", "n"], &rows, &[1]).to_string();
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 4);
        let widths: Vec<usize> = lines.iter().map(|line| line.width()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{page}");
        assert_eq!(padded("한", 4), "한  ");
        assert_eq!(width("a\n한"), 5);
    }
}
