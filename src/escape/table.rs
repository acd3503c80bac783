//! Tables for a terminal, no wider than it is.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::hidden::cut;
use super::page::Page;

/// The widest cell.
const WIDEST: usize = 120;
/// The fewest columns that a text is cut to.
const NARROWEST: usize = 16;
/// The fewest columns that the name of a column of numbers is cut to.
const SHORTEST_NAME: usize = 8;
/// Between two columns of a table.
const GAP: usize = 2;

/// A table with two spaces between columns. Where it is wider than the terminal, texts are cut with …; where that is not
/// enough, it goes on below, with its first column again. Numbers are never cut or broken.
#[derive(Clone, Debug)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<(Vec<String>, bool)>,
    /// Columns of numbers, which are aligned to the right.
    numbers: Vec<usize>,
}

impl Table {
    /// A table without rows; `numbers` are the columns of numbers.
    pub fn new<S: AsRef<str>>(head: &[S], numbers: &[usize]) -> Self {
        Self { head: spelt(head), rows: Vec::new(), numbers: numbers.to_vec() }
    }

    /// Adds a row, bold where `strong`.
    pub fn row<S: AsRef<str>>(&mut self, cells: &[S], strong: bool) -> &mut Self {
        self.rows.push((spelt(cells), strong));
        self
    }

    /// The lines for a terminal of so many columns; without, as wide as they are.
    pub fn page(&self, columns: Option<usize>) -> Page {
        let natural: Vec<usize> = (0..self.head.len()).map(|column| self.widest(column)).collect();
        let all: Vec<usize> = (0..natural.len()).collect();
        let Some(columns) = columns.filter(|columns| total(&natural) > *columns) else {
            return self.block(&all, &natural);
        };
        let cut = self.shrunk(&natural, columns);
        if total(&cut) <= columns {
            return self.block(&all, &cut);
        }
        self.blocks(&natural, columns)
    }

    /// The columns' widths with texts, and names of columns, cut as far as they may be.
    fn shrunk(&self, natural: &[usize], columns: usize) -> Vec<usize> {
        let mut widths = natural.to_vec();
        while total(&widths) > columns {
            let may_shrink = widths.iter_mut().enumerate().filter(|(column, width)| **width > self.narrowest(*column));
            match may_shrink.map(|(_, width)| width).max() {
                Some(width) => *width -= 1,
                None => break,
            }
        }
        widths
    }

    /// How far a column may be cut: not below its numbers.
    fn narrowest(&self, column: usize) -> usize {
        if !self.numbers.contains(&column) {
            return NARROWEST;
        }
        let cells = self.rows.iter().filter_map(|(cells, _)| cells.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0).max(SHORTEST_NAME)
    }

    /// Several tables below each other, each with the first column.
    fn blocks(&self, natural: &[usize], columns: usize) -> Page {
        let numbers = (1..natural.len()).filter(|column| self.numbers.contains(column));
        let most = numbers.map(|column| self.narrowest(column)).max().unwrap_or(0);
        let room = (columns / 2).max(NARROWEST).min(columns.saturating_sub(most + GAP)).max(SHORTEST_NAME);
        let key = natural.first().copied().unwrap_or(0).min(room);
        let rest = columns.saturating_sub(key + GAP);
        let mut widths = vec![key];
        widths.extend(
            natural.iter().enumerate().skip(1).map(|(column, width)| (*width).min(rest.max(self.narrowest(column)))),
        );
        let mut page = Page::new();
        let mut shown = vec![0];
        for column in 1..widths.len() {
            let used: usize = shown.iter().map(|at| widths.get(*at).copied().unwrap_or(0) + GAP).sum();
            if shown.len() > 1 && used + widths.get(column).copied().unwrap_or(0) > columns {
                page.add(&self.block(&shown, &widths)).gap();
                shown = vec![0];
            }
            shown.push(column);
        }
        page.add(&self.block(&shown, &widths));
        page
    }

    /// Some of the columns.
    fn block(&self, shown: &[usize], widths: &[usize]) -> Page {
        let mut page = Page::new();
        let head = (&self.head, false);
        for (cells, strong) in std::iter::once(head).chain(self.rows.iter().map(|(cells, strong)| (cells, *strong))) {
            let cell = |column: &usize| {
                let wide = widths.get(*column).copied().unwrap_or(0);
                let text = shortened(cells.get(*column).map_or("", String::as_str), wide);
                let space = " ".repeat(wide.saturating_sub(text.width()));
                if self.numbers.contains(column) { format!("{space}{text}") } else { format!("{text}{space}") }
            };
            page.strong(shown.iter().map(cell).collect::<Vec<_>>().join("  "), strong);
        }
        page
    }

    fn widest(&self, column: usize) -> usize {
        let rows = std::iter::once(&self.head).chain(self.rows.iter().map(|(cells, _)| cells));
        rows.filter_map(|cells| cells.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    }
}

/// A table of these rows.
pub fn columns(head: &[&str], rows: &[Vec<String>], numbers: &[usize], width: Option<usize>) -> Page {
    let mut table = Table::new(head, numbers);
    for row in rows {
        table.row(row, false);
    }
    table.page(width)
}

fn spelt<S: AsRef<str>>(cells: &[S]) -> Vec<String> {
    cells.iter().map(|cell| cut(cell.as_ref(), WIDEST)).collect()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// A text in so many columns, with … in its middle where it is longer: names differ at their ends as often as at their
/// beginnings.
pub fn shortened(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let fits = |letters: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let fits = |c: &char| {
            used += c.width().unwrap_or(0);
            used <= room
        };
        letters.take_while(fits).collect::<Vec<char>>()
    };
    let end = fits(&mut text.chars().rev(), room / 2);
    let begin = fits(&mut text.chars(), room - room / 2);
    begin.into_iter().chain(['…']).chain(end.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn columns_stand_under_each_other_as_they_are_shown() {
        let rows =
            [vec![cell("한국어"), cell("1")], vec![cell("a\nb"), cell("22")], vec![cell(&"x".repeat(500)), cell("3")]];
        let page = columns(&["name", "n"], &rows, &[1], None).to_string();
        let lines: Vec<&str> = page.lines().collect();
        assert_eq!(lines.len(), 4);
        let widths: Vec<usize> = lines.iter().map(|line| line.width()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{page}");
    }

    #[test]
    fn a_narrow_terminal_has_every_number_whole() {
        let head: Vec<String> =
            std::iter::once("ndcg@10".to_owned()).chain((0..9).map(|n| format!("set-{n}"))).collect();
        let rows: Vec<Vec<String>> = (0..3)
            .map(|row| {
                let name = format!("/a/long/path/to/the/folder/of/model-{row}");
                std::iter::once(name).chain((0..9).map(|n| format!("0.{row}{n}12 +0.2{row}{n}2***"))).collect()
            })
            .collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let numbers: Vec<usize> = (1..10).collect();
        for width in [40, 80, 120, 400] {
            let page = columns(&head, &rows, &numbers, Some(width)).to_string();
            assert!(page.lines().all(|line| line.width() <= width), "{width}\n{page}");
            for number in rows.iter().flat_map(|row| row.iter().skip(1)) {
                assert_eq!(page.matches(number.as_str()).count(), 1, "{number}\n{page}");
            }
            assert!(
                (0..3).all(|row| page.contains(&format!("model-{row}")) || page.contains(&format!("-{row}  "))),
                "{page}"
            );
        }
        assert_eq!(columns(&head, &rows, &numbers, None).to_string().lines().count(), 4);
    }

    #[test]
    fn texts_are_cut_before_a_table_is() {
        let rows = [vec![cell("encoder.layer.0.attention.self.query.weight"), cell("1.5 M"), cell("384×384")]];
        let page = columns(&["tensors", "parameters", "shape"], &rows, &[1], Some(40)).to_string();
        assert_eq!(page.lines().count(), 2, "{page}");
        assert!(page.contains("1.5 M") && page.contains('…') && page.lines().all(|line| line.width() <= 40), "{page}");
        assert_eq!(shortened("models/ko-en-2024", 9), "mode…2024");
        assert_eq!(shortened("한국어모델", 6), "한…델");
    }
}
