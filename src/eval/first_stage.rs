//! The rankings of a first stage that are read from files.

use std::path::{Path, PathBuf};

use super::DataSet;
#[cfg(feature = "eval")]
use super::{Error, Run};
use crate::escape::is_hidden;

/// What stands for a data set's name in the path of a first stage's rankings.
const DATA: &str = "{data}";

/// A name as a part of a file's name.
pub(crate) fn file_name(name: &str) -> String {
    let name = name.trim_matches(|c| matches!(c, '/' | '.'));
    name.replace(|c: char| c.is_whitespace() || is_hidden(c) || matches!(c, '/' | '\\'), "-")
}

/// Whether a first stage is a ranking, or several of which each has its data set's name, and not a retriever's folder.
pub(crate) fn is_ranking(path: &Path) -> bool {
    path.is_file() || path.to_string_lossy().contains(DATA)
}

/// The file with a data set's ranking.
pub(crate) fn ranking_of(pattern: &Path, set: &DataSet) -> PathBuf {
    PathBuf::from(pattern.to_string_lossy().replace(DATA, &file_name(&set.label())))
}

/// Reads a data set's ranking.
///
/// # Errors
/// A file that cannot be read, or that has none of the data set's queries.
#[cfg(feature = "eval")]
pub(crate) fn read_ranking(pattern: &Path, set: &DataSet) -> Result<Run, Error> {
    let path = ranking_of(pattern, set);
    let run = Run::read(&path)?;
    if set.queries.iter().any(|query| run.scores.contains_key(&query.id)) {
        return Ok(run);
    }
    Err(Error::NoQueryOfSet { run: path, set: set.label() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_in_their_folder() {
        assert_eq!(file_name("../a b/c/"), "a-b-c");
        assert_eq!(file_name("/models/ko-en"), "models-ko-en");
    }
}
