//! Reads relevance judgements.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::BufRead;
use std::path::Path;

use super::columns::{Columns, first_fields};
use super::fields::{tab_separated, white_space_separated};
use super::lines::{Lines, is_blank, open};
use super::{DocumentId, Error, LineError, Qrels, QueryId};

const TREC: &str = "4: query, iteration, document, grade";
const TSV: &str = "3 separated by tabs: query, document, grade";

/// One judgement, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrelsRow {
    /// Its line, from 1.
    pub line: u64,
    /// The query.
    pub query: QueryId,
    /// The document.
    pub document: DocumentId,
    /// The grade.
    pub grade: i64,
}

/// The layout of a file of judgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// `query iteration document grade` between white space; the iteration is ignored. MS MARCO's files have this layout.
    Trec,
    /// `query`, `document`, `grade` between tabs, after a header: BEIR.
    Tsv,
    /// Columns that a header names, between tabs or white space.
    Named(Columns, bool),
}

/// Reads judgements of any layout one by one. Duplicates are left to the caller.
///
/// The first line with content determines the layout: a header names the columns, and three fields between tabs are BEIR's.
/// In BEIR's layout the first line is a header if its grade is not a number; BEIR itself always drops the first line.
#[derive(Debug)]
pub struct QrelsRows<'a> {
    lines: Lines<'a>,
    layout: Option<Layout>,
}

impl<'a> QrelsRows<'a> {
    /// The judgements in `reader`, which messages call `path`.
    pub fn new(reader: &'a mut dyn BufRead, path: &Path) -> Self {
        Self { lines: Lines::new(reader, path), layout: None }
    }

    /// The next judgement.
    pub fn next_row(&mut self) -> Result<Option<QrelsRow>, Error> {
        loop {
            let Some((line, text)) = self.lines.next_line()? else { return Ok(None) };
            let first = self.layout.is_none();
            if first && let Some(named) = header(text) {
                match named {
                    Ok(columns) => self.layout = Some(Layout::Named(columns, text.contains('\t'))),
                    Err(problem) => return Err(self.lines.error(line, LineError::Columns(problem))),
                }
                continue;
            }
            if text.trim().is_empty()
                || (!matches!(self.layout, Some(Layout::Tsv | Layout::Named(_, true))) && is_blank(text))
            {
                continue;
            }
            let layout = *self.layout.get_or_insert_with(|| layout_of(text));
            match parse(layout, line, text) {
                Ok(row) => return Ok(Some(row)),
                Err(LineError::Grade(_)) if first && layout == Layout::Tsv => {}
                Err(problem) => return Err(self.lines.error(line, problem)),
            }
        }
    }
}

/// The columns that a first line names; `None` for a line of three or four fields without names.
fn header(line: &str) -> Option<Result<Columns, String>> {
    let fields = first_fields(line);
    let named = Columns::named(&fields)?;
    let positional = fields.len() == 3 && !line.contains('\t');
    let known = fields.iter().any(|field| field.to_lowercase().contains("id"));
    match named {
        _ if positional && !known => None,
        Err(_) if !known => None,
        named => Some(named),
    }
}

fn layout_of(line: &str) -> Layout {
    if line.split('\t').count() == 3 { Layout::Tsv } else { Layout::Trec }
}

fn parse(layout: Layout, line: u64, text: &str) -> Result<QrelsRow, LineError> {
    let (query, document, grade) = match layout {
        Layout::Trec => {
            let found: Vec<&str> = white_space_separated(text).collect();
            let [query, _, document, grade] = found[..] else {
                return Err(LineError::Fields { found: found.len(), expected: TREC });
            };
            (query.to_owned(), document.to_owned(), grade.to_owned())
        }
        Layout::Named(columns, tabs) => {
            let found = if tabs {
                tab_separated(text).map_err(LineError::Quote)?.into_iter().map(Cow::into_owned).collect()
            } else {
                first_fields(text)
            };
            let cell =
                |at: usize| found.get(at).filter(|_| columns.count.is_none_or(|count| count == found.len())).cloned();
            match (cell(columns.query), cell(columns.document), cell(columns.grade)) {
                (Some(query), Some(document), Some(grade)) => (query, document, grade),
                _ => {
                    return Err(LineError::Fields {
                        found: found.len(),
                        expected: if tabs && columns.count == Some(3) {
                            TSV
                        } else {
                            "as many as the first line names"
                        },
                    });
                }
            }
        }
        Layout::Tsv => {
            let found = tab_separated(text).map_err(LineError::Quote)?;
            let [query, document, grade] = found.as_slice() else {
                return Err(LineError::Fields { found: found.len(), expected: TSV });
            };
            (query.to_string(), document.to_string(), grade.to_string())
        }
    };
    let grade = whole(grade.trim()).ok_or(LineError::Grade(grade))?;
    if query.is_empty() {
        return Err(LineError::EmptyId("query"));
    }
    if document.is_empty() {
        return Err(LineError::EmptyId("document"));
    }
    Ok(QrelsRow { line, query, document, grade })
}

/// Reads a whole number; `1.0` counts too.
fn whole(text: &str) -> Option<i64> {
    let digits = text.split_once('.').map_or(text, |(whole, rest)| {
        let zeros = !rest.is_empty() && rest.bytes().all(|byte| byte == b'0');
        if zeros && !whole.is_empty() { whole } else { text }
    });
    digits.parse().ok()
}

impl Qrels {
    /// Reads a file: TREC's (`query iteration document grade`), MS MARCO's or BEIR's, compressed by gzip or not.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&mut *open(path)?, path)
    }

    /// Reads judgements from `reader`, which messages call `path`. A document judged twice for a query is an error, as
    /// in `trec_eval`, and so is a file without judgements.
    pub fn parse(reader: &mut dyn BufRead, path: &Path) -> Result<Self, Error> {
        let mut rows = QrelsRows::new(reader, path);
        let mut found: BTreeMap<QueryId, BTreeMap<DocumentId, (i64, u64)>> = BTreeMap::new();
        while let Some(QrelsRow { line, query, document, grade }) = rows.next_row()? {
            let documents = match found.get_mut(&query) {
                Some(documents) => documents,
                None => found.entry(query.clone()).or_default(),
            };
            match documents.entry(document) {
                Entry::Vacant(place) => {
                    place.insert((grade, line));
                }
                Entry::Occupied(there) => {
                    let (document, first) = (there.key().clone(), there.get().1);
                    return Err(rows.lines.error(line, LineError::Duplicate { query, document, first }));
                }
            }
        }
        if found.is_empty() {
            return Err(Error::Empty { path: path.to_owned(), what: "judgements" });
        }
        let grades = |(query, documents): (QueryId, BTreeMap<DocumentId, (i64, u64)>)| {
            (query, documents.into_iter().map(|(document, (grade, _))| (document, grade)).collect())
        };
        Ok(Self { grades: found.into_iter().map(grades).collect() })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn parse(text: &str) -> Result<Qrels, Error> {
        Qrels::parse(&mut text.as_bytes(), Path::new("qrels"))
    }

    fn rows(text: &str) -> Vec<(String, String, i64)> {
        let grades = parse(text).unwrap().grades;
        let row = |(query, documents): (String, BTreeMap<String, i64>)| {
            documents.into_iter().map(move |(document, grade)| (query.clone(), document, grade))
        };
        grades.into_iter().flat_map(row).collect()
    }

    fn row(query: &str, document: &str, grade: i64) -> (String, String, i64) {
        (query.to_owned(), document.to_owned(), grade)
    }

    #[test]
    fn the_three_layouts_are_told_apart() {
        let trec = "\n# pooled by hand\n q1 0  d1\t2\r\nq1 Q0 d2 -1\n\n";
        assert_eq!(rows(trec), [row("q1", "d1", 2), row("q1", "d2", -1)]);
        let beir = "query-id\tcorpus-id\tscore\nq 1\td#1\t1\n\"q \"\"2\"\"\"\t\"d\t2\"\t0\n#3\td\"\t1.0\n";
        assert_eq!(rows(beir), [row("#3", "d\"", 1), row("q \"2\"", "d\t2", 0), row("q 1", "d#1", 1)]);
        assert_eq!(rows("7\t8\t1\n"), [row("7", "8", 1)], "no header");
        assert_eq!(rows("300674\t0\t7067032\t1\n"), [row("300674", "7067032", 1)], "MS MARCO");
    }

    #[test]
    fn a_header_names_the_columns() {
        let expected = [row("q1", "0", 1), row("q2", "1", 2)];
        for text in [
            "query-id\tcorpus-id\tscore\tannotator\nq1\t0\t1\t3\nq2\t1\t2\t3\n",
            "score\tcorpus_id\tquery_id\n1\t0\tq1\n2\t1\tq2\n",
            "qid iteration docid rel\nq1 0 0 1\nq2 0 1 2\n",
        ] {
            assert_eq!(rows(text), expected, "{text}");
        }
        let error = parse("query-id\tcorpus-id\tscore\tannotator\nq1\t0\t1\n").unwrap_err().to_string();
        assert_eq!(error, "`qrels`, line 2: 3 fields, expected as many as the first line names");
        let error = parse("query-id\tcorpus-id\tx\tannotator\nq1\t0\t1\t3\n").unwrap_err().to_string();
        assert!(error.starts_with("`qrels`, line 1: the first line names columns"), "{error}");
    }

    #[test]
    fn ids_may_hold_the_spaces_of_other_scripts() {
        assert_eq!(rows("질문\u{3000}1 0 문서\u{a0}1 1"), [row("질문\u{3000}1", "문서\u{a0}1", 1)]);
    }

    #[test]
    fn broken_lines_are_named() {
        let fields = "expected 4: query, iteration, document, grade";
        for (text, message) in [
            ("q 0 d 1\nq 0 d", format!("line 2: 3 fields, {fields}")),
            ("q 0 d 1 5", format!("line 1: 5 fields, {fields}")),
            ("q 0 d high", "line 1: the grade `high` is not a whole number".into()),
            ("q 0 d 1.5", "line 1: the grade `1.5` is not a whole number".into()),
            ("q 0 d 1\nr 0 d 1\nq 0 d 1", "line 3: document `d` of query `q` is already on line 1".into()),
            ("a\tb\tc\nq\td\tx", "line 2: the grade `x` is not a whole number".into()),
            ("a\tb\tc\n\"q\td\t1", "line 2: the quote of field 1 does not end on its line".into()),
            ("a\tb\tc\n\td\t1", "line 2: the query id is empty".into()),
            ("a\tb\tc\nq\td", "line 2: 2 fields, expected 3 separated by tabs: query, document, grade".into()),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), format!("`qrels`, {message}"), "{text}");
        }
        assert_eq!(parse("\n# nothing\n").unwrap_err().to_string(), "`qrels` holds no judgements");
    }
}
