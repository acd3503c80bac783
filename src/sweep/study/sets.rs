//! The data sets of a study, opened.

use std::path::PathBuf;

use crate::eval::DataSet;
use crate::eval::data::{self, Options};
use crate::sweep::Error;
use crate::sweep::file::{DataSource, Selection};

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
}

/// Opens the data sets; the same ones in the same order for every selection.
///
/// # Errors
/// A folder that is not a data set, a split that does not exist, a part without queries.
pub fn load(sources: &[DataSource], selection: &Selection) -> Result<Vec<Loaded>, Error> {
    let mut found: Vec<Loaded> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let options = Options { split: selection.split.clone(), limit_queries: source.queries };
        let opened = data::inspect(&source.path, &options)?;
        let several = opened.sets.len() > 1;
        for mut set in opened.sets {
            if let Some(part) = selection.part {
                set.queries.retain(|query| part.holds(&query.id));
                set.qrels.grades.retain(|query, _| part.holds(query));
                if set.queries.is_empty() {
                    return Err(Error::NoQueries(source.name.clone()));
                }
            }
            let label = label(source, &set, several, &found);
            let (files, split) = (opened.files.clone(), opened.split.clone());
            found.push(Loaded { label, source: index, set, files, split });
        }
    }
    Ok(found)
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
