//! The data sets of a study, opened.

use std::path::PathBuf;

use crate::eval::DataSet;
use crate::eval::data::{self, Options};
use crate::sweep::Error;
use crate::sweep::file::{DataSource, Selection};
use crate::sweep::hash::Parts;

/// A data set in one direction.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its name in tables.
    pub label: String,
    /// Index into the spec's data.
    pub source: usize,
    /// Its queries, those of other parts left out, documents and judgements.
    pub set: DataSet,
    /// The files that it was read from.
    pub files: Vec<PathBuf>,
    /// The split that was read.
    pub split: Option<String>,
    /// The hash of documents, queries and judgements before a part of the queries was taken; empty where it was not asked for.
    pub content: String,
}

/// Opens the data sets; the same ones in the same order for every selection.
///
/// # Errors
/// A folder that is not a data set, a split that does not exist, a part without queries.
pub fn load(sources: &[DataSource], selection: &Selection) -> Result<Vec<Loaded>, Error> {
    open(sources, selection, false)
}

/// As [`load`], with the hash of each set's content.
pub(super) fn load_hashed(sources: &[DataSource], selection: &Selection) -> Result<Vec<Loaded>, Error> {
    open(sources, selection, true)
}

fn open(sources: &[DataSource], selection: &Selection, hashed: bool) -> Result<Vec<Loaded>, Error> {
    let mut found: Vec<Loaded> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let options = Options { split: selection.split.clone(), limit_queries: source.queries };
        let opened = data::inspect(&source.path, &options)?;
        let several = opened.sets.len() > 1;
        for mut set in opened.sets {
            let content = if hashed { content(&set, source.retrieval.as_deref()) } else { String::new() };
            if let Some(part) = selection.part {
                set.queries.retain(|query| part.holds(&query.id));
                set.qrels.grades.retain(|query, _| part.holds(query));
                if set.queries.is_empty() {
                    return Err(Error::NoQueries(source.name.clone()));
                }
            }
            let label = label(source, &set, several, &found);
            let (files, split) = (opened.files.clone(), opened.split.clone());
            found.push(Loaded { label, source: index, set, files, split, content });
        }
    }
    Ok(found)
}

/// What a query's scores depend on besides the retriever: equal, and the same query has the same scores.
fn content(set: &DataSet, retrieval: Option<&str>) -> String {
    let mut parts = Parts::default();
    for text in set.documents.iter().chain(&set.queries) {
        parts.add(text.id.as_bytes());
        parts.add(text.text.as_bytes());
    }
    parts.add(&(set.documents.len() as u64).to_le_bytes());
    for (query, grades) in &set.qrels.grades {
        parts.add(query.as_bytes());
        for (document, grade) in grades {
            parts.add(document.as_bytes());
            parts.add(&grade.to_le_bytes());
        }
    }
    if let Some(retrieval) = retrieval {
        parts.add(retrieval.as_bytes());
    }
    parts.finish()
}

/// The source's name, with subset and direction where it holds several sets.
fn label(source: &DataSource, set: &DataSet, several: bool, known: &[Loaded]) -> String {
    let mut label = source.name.clone();
    if several {
        if let Some((_, subset)) = set.name.rsplit_once('/') {
            label = format!("{label}/{subset}");
        }
        if let Some(direction) = &set.direction {
            label = format!("{label} {direction}");
        }
    }
    let same = known.iter().filter(|loaded| loaded.label == label).count();
    if same > 0 { format!("{label} {}", same + 1) } else { label }
}
