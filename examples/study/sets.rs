//! Writes the data sets of the study: the queries that choose with their documents, and the held-out ones with theirs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use admix::eval::data::{Options, open};
use admix::eval::{DataSet, Text};
use admix::sweep::file::Part;
use serde_json::json;

use super::Outcome;
use super::suite::{Column, Split, Suite};

/// A data set in one direction, as the study reads it.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// The column's heading.
    pub(crate) name: &'static str,
    /// What chooses; `None` for a set that chooses nothing.
    pub(crate) select: Option<Half>,
    /// What is held out.
    pub(crate) held_out: Half,
}

/// A part of a data set in a folder of its own.
#[derive(Clone, Debug)]
pub(crate) struct Half {
    pub(crate) folder: PathBuf,
    pub(crate) queries: usize,
    pub(crate) documents: usize,
}

/// The documents that choose: the same ones in every direction.
const CHOOSING: Part = Part { nth: 1, of: 2 };

/// Queries of a set that chooses nothing; the documents are theirs.
const ONLY_SCORED: usize = 400;

/// Writes the data sets of a suite into a folder, with at most so many queries of each half.
pub(crate) fn prepare(suite: &Suite, folder: &Path, queries: [usize; 2]) -> Outcome<Vec<Prepared>> {
    suite.columns.iter().map(|column| prepare_one(column, folder, queries)).collect()
}

fn prepare_one(column: &Column, folder: &Path, [choose, hold_out]: [usize; 2]) -> Outcome<Prepared> {
    let hold_out = if column.split.is_some() { hold_out } else { ONLY_SCORED };
    let (select, held_out) = divided(column)?;
    let name = column.name.replace(' ', "-");
    let select = select.map(|select| write(&folder.join("select").join(&name), column, select, choose)).transpose()?;
    let held_out = write(&folder.join("held-out").join(&name), column, held_out, hold_out)?;
    Ok(Prepared { name: column.name, select, held_out })
}

/// What chooses, and what is held out.
fn divided(column: &Column) -> Outcome<(Option<DataSet>, DataSet)> {
    let read = |split: Option<&str>| -> Outcome<DataSet> {
        let options = Options { split: split.map(str::to_owned), limit_queries: None };
        let mut sets = open(&column.folder, &options)?.into_iter();
        let found = sets.find(|set| set.direction.as_deref() == Some(column.direction));
        found.ok_or_else(|| format!("`{}` has no direction {}", column.folder.display(), column.direction).into())
    };
    match column.split {
        Some(Split::Own) => {
            let (mut select, held_out) = (read(Some("dev"))?, read(Some("test"))?);
            // Texts that the held-out queries are about are not learned from.
            let about: BTreeSet<&String> = held_out.qrels.grades.values().flat_map(|grades| grades.keys()).collect();
            select.documents.retain(|document| !about.contains(&document.id));
            Ok((Some(select), held_out))
        }
        Some(Split::Documents) => {
            let whole = read(None)?;
            Ok((Some(half(&whole, true)), half(&whole, false)))
        }
        None => {
            let mut whole = read(None)?;
            whole.queries.truncate(ONLY_SCORED);
            let kept: BTreeSet<&String> = whole.queries.iter().map(|query| &query.id).collect();
            whole.qrels.grades.retain(|query, _| kept.contains(query));
            let relevant: BTreeSet<&String> = whole.qrels.grades.values().flat_map(|grades| grades.keys()).collect();
            whole.documents.retain(|document| relevant.contains(&document.id));
            Ok((None, whole))
        }
    }
}

/// The documents that choose with their queries, or those that are held out.
fn half(whole: &DataSet, chooses: bool) -> DataSet {
    let mut set = whole.clone();
    set.documents.retain(|document| CHOOSING.holds(&document.id) == chooses);
    set.qrels.grades.retain(|_, grades| {
        grades.retain(|document, _| CHOOSING.holds(document) == chooses);
        grades.values().any(|grade| *grade > 0)
    });
    set.queries.retain(|query| set.qrels.grades.contains_key(&query.id));
    set
}

/// Writes a half in BEIR's form, with its first queries.
fn write(folder: &Path, column: &Column, mut set: DataSet, queries: usize) -> Outcome<Half> {
    set.queries.truncate(queries);
    fs::create_dir_all(folder.join("qrels"))?;
    let lines = |texts: &[Text]| {
        texts.iter().fold(String::new(), |mut lines, text| {
            let _ = writeln!(lines, "{}", json!({"_id": text.id, "text": text.text}));
            lines
        })
    };
    let mut judgements = "query-id\tcorpus-id\tscore\n".to_owned();
    for query in &set.queries {
        for (document, grade) in set.qrels.grades.get(&query.id).into_iter().flatten() {
            let _ = writeln!(judgements, "{}\t{document}\t{grade}", query.id);
        }
    }
    let (query, document) = column.direction.split_once('-').unwrap_or_default();
    let settings = format!("form: beir\nlanguages: {{query: {query}, document: {document}}}\n");
    for (name, text) in [
        ("queries.jsonl", lines(&set.queries)),
        ("corpus.jsonl", lines(&set.documents)),
        ("qrels/test.tsv", judgements),
        ("dataset.yaml", settings),
    ] {
        let path = folder.join(name);
        // A file that is as it was keeps its date.
        if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            fs::write(path, text)?;
        }
    }
    Ok(Half { folder: folder.to_owned(), queries: set.queries.len(), documents: set.documents.len() })
}
