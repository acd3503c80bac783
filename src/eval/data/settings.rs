//! Reads `dataset.yaml`, which says what a folder's files cannot.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::layout::Form;
use super::{Error, lines};
use crate::files;

const NAMES: [&str; 2] = ["dataset.yaml", "dataset.yml"];
const LONGEST: u64 = 1 << 20;

/// The settings of `dataset.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Name of the data set, in place of the folder's.
    pub(super) name: Option<String>,
    /// The format, where the files could have several.
    pub(super) form: Option<Form>,
    /// The split to take when none is asked for.
    pub(super) split: Option<String>,
    /// Languages of queries and documents.
    pub(super) languages: Option<Languages>,
    /// The subsets to read, of several.
    pub(super) subsets: Option<Vec<String>>,
    /// Parallel text: each language's file.
    pub(super) files: BTreeMap<String, String>,
}

/// Languages of queries and documents.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Languages {
    pub(super) query: String,
    pub(super) document: String,
}

/// The settings of a folder, and the file they are in.
pub(super) fn read(root: &Path) -> Result<(Settings, PathBuf), Error> {
    let Some(path) = NAMES.iter().map(|name| root.join(name)).find(|path| path.exists()) else {
        return Ok((Settings::default(), root.join(NAMES[0])));
    };
    let wrong = |line, problem| Error::Settings { path: path.clone(), line, problem };
    lines::check(&path)?;
    let mut text = String::new();
    let file = files::open(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let read = file.take(LONGEST + 1).read_to_string(&mut text);
    read.map_err(|source| Error::Read { path: path.clone(), source })?;
    if text.len() as u64 > LONGEST {
        return Err(wrong(0, format!("longer than {LONGEST} bytes")));
    }
    let settings: Settings = serde_yaml::from_str(&text).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        let message = error.to_string();
        let problem = message.split_once(" at line ").map_or(message.as_str(), |(problem, _)| problem);
        wrong(line, problem.to_owned())
    })?;
    check(&settings, &path)?;
    Ok((settings, path))
}

fn check(settings: &Settings, path: &Path) -> Result<(), Error> {
    let wrong = |problem: String| Error::Settings { path: path.to_owned(), line: 0, problem };
    if !matches!(settings.files.len(), 0 | 2) {
        return Err(wrong(format!("`files` names {} files, expected two: one a language", settings.files.len())));
    }
    for name in settings.files.values() {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside || name.is_empty() {
            return Err(Error::Outside { path: path.to_owned(), name: name.clone() });
        }
    }
    let languages = settings.languages.iter().flat_map(|languages| [&languages.query, &languages.document]);
    for language in languages.chain(settings.files.keys()) {
        if language.is_empty() || !language.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(wrong(format!(
                "`{}` is no language code, expected one such as `ko`",
                crate::escape::escaped(language)
            )));
        }
    }
    if settings.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        return Err(wrong("`name` is empty".into()));
    }
    Ok(())
}
