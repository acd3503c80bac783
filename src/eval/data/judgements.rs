//! Reads relevance judgements from any kind of file.

use std::borrow::Cow;
use std::path::Path;

use super::collect::Collector;
use super::delimited::{self, Style};
use super::files::Kind;
use super::files::{file_name, kind};
use super::layout::Form;
use super::lines::{line_error, lines};
use super::rows::rows;
use super::{Error, record, three_json};
use crate::escape::escaped;
use crate::eval::DataWarningKind;
use crate::eval::columns::{Columns, first_fields};

/// Reads a file of judgements.
pub(super) fn read(collector: &mut Collector, form: Form, path: &Path) -> Result<(), Error> {
    match kind(path) {
        Kind::Json => three_json::judgements(collector, path),
        Kind::Jsonl | Kind::Parquet => {
            let file = file_name(path);
            rows(path, &mut |unit, number, row| {
                let query = row.query.into_id("query-id")?;
                let document = row.document.into_id("corpus-id")?;
                let grade = row.score.into_grade("score")?;
                collector.judgement(query, document, grade, || format!("{file} {unit} {number}"));
                Ok(())
            })
        }
        Kind::Delimited | Kind::Other => {
            let style = if matches!(form, Form::Trec | Form::MsMarco) { Style::Trec } else { Style::Csv };
            table(collector, style, path)
        }
    }
}

/// Reads a table whose columns the first line names, or with three fields (query, document, grade) or TREC's four (query,
/// iteration, document, grade).
fn table(collector: &mut Collector, style: Style, path: &Path) -> Result<(), Error> {
    let file = file_name(path);
    let mut lines = lines(path)?;
    let mut columns = None;
    let mut first = true;
    while let Some((number, line)) = lines.next_line()? {
        if style.is_blank(line) {
            continue;
        }
        let wrong = |problem: String| line_error(path, number, problem);
        let fields = delimited::fields(line, style).map_err(wrong)?;
        if std::mem::take(&mut first) {
            columns = named(line, &fields).transpose().map_err(wrong)?;
            // BEIR's files have a header and TREC's have none; the opposite gets a warning.
            match (columns.is_some(), style) {
                (true, Style::Trec) => collector.warnings.note(DataWarningKind::Header, || file.clone()),
                (false, Style::Csv) => collector.warnings.note(DataWarningKind::NoHeader, || file.clone()),
                _ => {}
            }
            if columns.is_some() {
                continue;
            }
        }
        let [query, document, grade] = cells(columns, &fields, collector).map_err(wrong)?;
        let grade = record::grade(grade).map_err(wrong)?;
        collector.judgement(query.to_owned(), document.to_owned(), grade, || format!("{file} line {number}"));
    }
    Ok(())
}

/// The columns that the first line names, if it is a header. Names between tabs may contain spaces.
fn named<S: AsRef<str>>(line: &str, fields: &[S]) -> Option<Result<Columns, String>> {
    if line.contains('\t') {
        let columns = Columns::named(&first_fields(line));
        if matches!(columns, Some(Ok(_))) {
            return columns;
        }
    }
    Columns::named(fields)
}

/// Query, document and grade of a line.
fn cells<'a>(
    columns: Option<Columns>,
    fields: &'a [Cow<'_, str>],
    collector: &Collector,
) -> Result<[&'a str; 3], String> {
    if let Some(Columns { query, document, grade, count }) = columns {
        return match (fields.get(query), fields.get(document), fields.get(grade)) {
            (Some(query), Some(document), Some(grade)) if count.is_none_or(|count| count == fields.len()) => {
                Ok([query, document, grade])
            }
            _ => Err(format!("{} fields, and the first line names {}", fields.len(), count.unwrap_or(3))),
        };
    }
    match fields {
        [query, document, grade] => Ok([query, document, grade]),
        [query, second, third, grade] => {
            if collector.documents.contains(second) && !collector.documents.contains(third) {
                return Err(format!(
                    "`{}` stands where TREC's files have an iteration, and is a document of the data set; a first line \
                     with the names of the columns says which is which",
                    escaped(second)
                ));
            }
            Ok([query, third, grade])
        }
        fields => Err(format!(
            "{} fields, expected 3 (query, document, grade) or 4 (query, iteration, document, grade)",
            fields.len()
        )),
    }
}
