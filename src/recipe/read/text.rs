//! Reads a recipe from a file or a text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::review::Review;
use super::super::types::{Origin, Recipe};
use super::document::read_document;
use super::documents;
use super::wrapped;
use crate::files;
use crate::yaml::{Error, LARGEST, read_text, without_mark};

impl Recipe {
    /// Reads a recipe from text. `origin` is what messages call it; `variables` are the values of its `${name}`.
    pub fn parse(text: &str, origin: &str, variables: &BTreeMap<String, String>) -> Result<Self, Error> {
        let source = Origin { text: text.to_owned(), name: origin.to_owned(), ..Origin::default() };
        Self::from_source(source, variables)
    }

    /// Reads a recipe file.
    pub fn read(path: &Path, variables: &BTreeMap<String, String>) -> Result<Self, Error> {
        let origin = path.display().to_string();
        let text = read_text(path, "recipe")?;
        let folder = folder(path);
        Self::from_source(Origin { text, name: origin, folder, ..Origin::default() }, variables)
    }

    /// Reads a recipe from a text whose models are looked up beside `folder`.
    pub(crate) fn parse_in(
        text: &str,
        origin: &str,
        folder: Option<PathBuf>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let source = Origin { text: text.to_owned(), name: origin.to_owned(), folder, ..Origin::default() };
        Self::from_source(source, variables)
    }

    /// Reads a recipe file as far as possible. With `open`, variables may lack a value.
    pub fn review(path: &Path, variables: &BTreeMap<String, String>, open: bool) -> Review {
        let origin = path.display().to_string();
        match read_text(path, "recipe") {
            Ok(text) => Self::review_text(&text, &origin, folder(path), variables, open),
            Err(error) => Review { faults: vec![error], ..Review::default() },
        }
    }

    /// Reads a recipe as far as possible from a text that messages call `origin`, and whose models are looked up beside
    /// `folder`. With `open`, variables may lack a value.
    pub fn review_text(
        text: &str,
        origin: &str,
        folder: Option<PathBuf>,
        variables: &BTreeMap<String, String>,
        open: bool,
    ) -> Review {
        let source = Origin { text: text.to_owned(), name: origin.to_owned(), folder, ..Origin::default() };
        review(source, variables, open)
    }

    fn from_source(source: Origin, values: &BTreeMap<String, String>) -> Result<Self, Error> {
        let Review { recipe, faults, .. } = review(source, values, false);
        match (Error::of(faults), recipe) {
            (None, Some(recipe)) => Ok(recipe),
            (Some(error), _) => Err(error),
            (None, None) => Err(Error::file("the recipe cannot be read".to_owned(), None)),
        }
    }
}

/// The folder of a recipe's file; the current one where a pipe stands for it.
fn folder(path: &Path) -> Option<PathBuf> {
    if files::is_descriptor(path) { Some(PathBuf::new()) } else { path.parent().map(Path::to_path_buf) }
}

/// Reads a recipe as far as possible. With `open`, variables may lack a value.
fn review(source: Origin, values: &BTreeMap<String, String>, open: bool) -> Review {
    let wrapped = wrapped::wrapped(&source.yaml());
    let found = read_documents(source, values, open);
    match wrapped.filter(|_| !found.faults.is_empty()) {
        // Other faults would not be about a recipe.
        Some(error) => Review { faults: vec![error], ..Review::default() },
        None => found,
    }
}

fn read_documents(source: Origin, values: &BTreeMap<String, String>, open: bool) -> Review {
    let parts = documents::split(&source.text);
    if source.text.len() as u64 > LARGEST {
        return read_document(source, values, open, false);
    }
    let whole = source.text.len() - without_mark(&source.text).len()..source.text.len();
    match &parts[..] {
        // All other documents are empty.
        [part] if *part != whole => {
            let text = documents::alone(&source.text, part);
            return read_document(Origin { text, whole: Some(source.text), ..source }, values, open, false);
        }
        [] | [_] => return read_document(source, values, open, false),
        _ => {}
    }
    documents::review(&source, &parts, values, open)
}
