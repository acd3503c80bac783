//! Reads relevance judgements from any kind of file.

use std::path::Path;

use super::collect::Collector;
use super::delimited::{self, Style};
use super::files::Kind;
use super::layout::Form;
use super::lines::{Lines, line_error};
use super::oddities::OddityKind;
use super::texts::{file_name, kind, rows};
use super::{Error, record, three_json};

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

/// Three fields (query, document, grade) or TREC's four (query, iteration, document, grade).
fn table(collector: &mut Collector, style: Style, path: &Path) -> Result<(), Error> {
    let file = file_name(path);
    let mut lines = Lines::open(path)?;
    let mut first = true;
    while let Some((number, line)) = lines.next_line()? {
        if style.is_blank(line) {
            continue;
        }
        let wrong = |problem: String| line_error(path, number, problem);
        let fields = delimited::fields(line, style).map_err(wrong)?;
        let (query, document, grade) = match fields.as_slice() {
            [query, document, grade] | [query, _, document, grade] => (query, document, grade),
            fields => {
                let problem = format!(
                    "{} fields, expected 3 (query, document, grade) or 4 (query, iteration, document, grade)",
                    fields.len()
                );
                return Err(wrong(problem));
            }
        };
        let header = grade.trim().parse::<f64>().is_err();
        if std::mem::take(&mut first) {
            // BEIR's files have a header and TREC's have none: the other way round is odd.
            if header && style == Style::Trec {
                collector.oddities.note(OddityKind::Header, || file.clone());
            } else if !header && style == Style::Csv {
                collector.oddities.note(OddityKind::NoHeader, || file.clone());
            }
            if header {
                continue;
            }
        }
        let grade = record::grade(grade).map_err(wrong)?;
        collector.judgement(query.to_string(), document.to_string(), grade, || format!("{file} line {number}"));
    }
    Ok(())
}
