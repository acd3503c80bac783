//! Reads queries and documents from any kind of file.

use std::collections::BTreeMap;
use std::path::Path;

use super::collect::{Collector, Role};
use super::files::{Kind, file_name, kind};
use super::lines::{line_error, lines};
use super::record::{Cell, Record};
use super::rows::rows;
use super::{Error, three_json};
use crate::escape::escaped;
use crate::eval::DataWarningKind;

/// Reads a file of queries or documents.
pub(super) fn read(collector: &mut Collector, role: Role, path: &Path) -> Result<(), Error> {
    match kind(path) {
        Kind::Json => three_json::texts(collector, role, path),
        Kind::Delimited => delimited(collector, role, path),
        Kind::Jsonl | Kind::Parquet | Kind::Other => {
            let file = file_name(path);
            rows(path, &mut |unit, number, record| add(collector, role, record, &|| format!("{file} {unit} {number}")))
        }
    }
}

/// Reads a file of documents to rank: for each query, its documents, the best first.
pub(super) fn read_top_ranked(found: &mut BTreeMap<String, Vec<String>>, path: &Path) -> Result<(), Error> {
    rows(path, &mut |_, _, record| {
        let query = record.query.into_id("query-id")?;
        found.insert(query, record.documents.into_ids("corpus-ids")?);
        Ok(())
    })
}

fn add(collector: &mut Collector, role: Role, record: Record, place: &dyn Fn() -> String) -> Result<(), String> {
    let id = record.id.into_id("_id")?;
    let text = record.text.into_text("text")?;
    let text = match role {
        Role::Query => with_instruction(text, record.instruction)?,
        Role::Document => {
            if record.title == Cell::Null {
                collector.warnings.note(DataWarningKind::NullTitle, || format!("`{}`, {}", escaped(&id), place()));
            }
            with_title(record.title, &text)?
        }
    };
    collector.text(role, id, text, place);
    Ok(())
}

/// The text of a query, followed by its instruction if it has one, as in MTEB.
fn with_instruction(text: String, instruction: Cell) -> Result<String, String> {
    match instruction {
        Cell::Missing | Cell::Null => Ok(text),
        instruction => Ok(format!("{text} {}", instruction.into_text("instruction")?)),
    }
}

/// Title, space and text, without white space at the ends, as in BEIR and MTEB.
pub(super) fn with_title(title: Cell, text: &str) -> Result<String, String> {
    match title {
        Cell::Missing | Cell::Null => Ok(strip(text).to_owned()),
        title => Ok(strip(&format!("{} {text}", title.into_text("title")?)).to_owned()),
    }
}

/// Strips white space like Python's `strip`, which includes the four separators of ASCII.
fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

/// Reads lines of an id, a tab and a text.
fn delimited(collector: &mut Collector, role: Role, path: &Path) -> Result<(), Error> {
    let file = file_name(path);
    let mut lines = lines(path)?;
    let mut first = true;
    while let Some((number, line)) = lines.next_line()? {
        if line.is_empty() {
            continue;
        }
        let Some((id, text)) = line.split_once('\t') else {
            let problem = format!("expected an id, a tab and a text, found `{}`", escaped(line));
            return Err(line_error(path, number, problem));
        };
        if std::mem::take(&mut first) && is_header(id, text) {
            collector.warnings.note(DataWarningKind::Header, || file.clone());
            continue;
        }
        let text = if role == Role::Document { strip(text) } else { text };
        collector.text(role, id.to_owned(), text.to_owned(), || format!("{file} line {number}"));
    }
    Ok(())
}

fn is_header(id: &str, text: &str) -> bool {
    let is_name = |field: &str, names: &[&str]| names.contains(&field.trim().to_lowercase().as_str());
    is_name(id, &["id", "_id", "qid", "pid", "docid", "doc_id", "query_id", "query-id", "topic"])
        && is_name(text, &["text", "query", "question", "passage", "contents", "body", "title"])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn titles_are_joined_as_in_beir() {
        let joined = |title: &str, text: &str| with_title(Cell::Text(title.into()), text).unwrap();
        assert_eq!(joined("a", "b "), "a b");
        assert_eq!(joined("", " b\u{1f}"), "b");
        assert_eq!(joined("", ""), "");
        assert_eq!(with_title(Cell::Missing, "\u{3000}b\n").unwrap(), "b");
        assert_eq!(with_title(Cell::Integer(1), "b").unwrap_err(), "`title` is an integer, expected a text");
    }

    #[test]
    fn queries_are_taken_as_they_are() {
        assert_eq!(with_instruction(" a ".into(), Cell::Missing).unwrap(), " a ");
        assert_eq!(with_instruction("a".into(), Cell::Text("b".into())).unwrap(), "a b");
    }

    #[test]
    fn only_known_words_are_a_header() {
        assert!(is_header("qid", "Query"));
        assert!(!is_header("1", "text") && !is_header("id", "what is an id"));
    }
}
