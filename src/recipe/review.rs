//! Everything that is wrong with a recipe, not only what is wrong first.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Error;
use super::parse;
use super::types::{Origin, Recipe};
use crate::yaml::{Place, Warning, read_text};

/// A recipe as far as it could be read, and all that is wrong with it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Review {
    /// The recipe; stand-ins take the place of what could not be read ([`Recipe::is_partial`]).
    pub recipe: Option<Recipe>,
    /// The faults, in the order in which they were found.
    pub faults: Vec<Error>,
    /// What is accepted and probably not meant.
    pub warnings: Vec<Warning>,
    /// The variables that have no value, each with the place that names it first. What depends on them is not checked.
    pub unknown: Vec<(String, Option<Place>)>,
}

impl Recipe {
    /// Reads a recipe file as far as it goes. With `open`, variables may lack a value.
    pub fn review(path: &Path, variables: &BTreeMap<String, String>, open: bool) -> Review {
        let origin = path.display().to_string();
        match read_text(path, "recipe") {
            Ok(text) => Self::review_text(&text, &origin, path.parent().map(Path::to_path_buf), variables, open),
            Err(error) => Review { faults: vec![error], ..Review::default() },
        }
    }

    /// Reads a recipe as far as it goes from a text that messages call `origin`, and whose models are looked up beside
    /// `folder`. With `open`, variables may lack a value.
    pub fn review_text(
        text: &str,
        origin: &str,
        folder: Option<PathBuf>,
        variables: &BTreeMap<String, String>,
        open: bool,
    ) -> Review {
        let source = Origin { text: text.to_owned(), name: origin.to_owned(), folder, ..Origin::default() };
        parse::review(source, variables, open)
    }
}
