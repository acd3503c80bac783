//! Other YAML files that are read as recipes are: the same tree, keys checked against a table, faults with their places.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::locate::{self, Part};
use super::parse;
use super::types::Origin;
use super::variables;

pub(crate) use super::error::{Checked, Fault, shown};
pub(crate) use super::fields::Fields;
pub(crate) use super::keys::{and, read};
pub(crate) use super::nearest::nearest;
pub(crate) use super::notes::Notes;
pub(crate) use super::scalar::number;
pub(crate) use super::tree::Node;

use super::{Error, NodePath, Recipe, Warning};

/// A YAML file that holds a recipe or names one.
pub(crate) struct Document {
    source: Origin,
    /// What it holds; variables are masked in it.
    pub(crate) root: Node,
}

impl Document {
    /// Reads a file; messages call it `what`.
    pub(crate) fn read(path: &Path, what: &'static str) -> Result<Self, Error> {
        let name = path.display().to_string();
        let text = parse::file_text(path, &name).map_err(|error| renamed(error, what))?;
        Self::parse(text, name, what)
    }

    /// The text of a recipe's file.
    pub(crate) fn text_of(path: &Path) -> Result<String, Error> {
        parse::file_text(path, &path.display().to_string())
    }

    /// Reads a text; messages call it `what`, and `name` in places.
    pub(crate) fn parse(text: String, name: String, what: &'static str) -> Result<Self, Error> {
        let source = Origin { text, name, ..Origin::default() };
        let root = parse::document(&source).map_err(|error| renamed(error, what))?;
        Ok(Self { source, root })
    }

    /// The error of a fault.
    pub(crate) fn error(&self, fault: Fault) -> Error {
        parse::placed(fault, &self.source)
    }

    /// The faults so far.
    pub(crate) fn faults(&self, notes: &mut Notes) -> Vec<Error> {
        notes.faults(&self.source)
    }

    /// The warnings so far.
    pub(crate) fn warnings(&self, notes: Notes) -> Vec<Warning> {
        notes.warnings(&self.source)
    }

    /// The recipe that stands under a key of the root, as a text in which every line is where it was.
    pub(crate) fn embedded(&self, key: &str) -> Option<String> {
        let Node::Map(entries) = &self.root else { return None };
        let text = &self.source.text;
        let root = NodePath::default();
        let offset = |key: &str, part| {
            let place = locate::place(text, "", &root.key(key), part)?;
            locate::byte_at(text, place.line, place.column)
        };
        let start = offset(key, Part::Value)?;
        let keys = entries.iter().filter_map(|(name, _)| offset(name, Part::Key));
        let end = keys.filter(|end| *end > start).min().unwrap_or(text.len());
        let blank = |part: &str| -> String { part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect() };
        Some(format!("{}{}", blank(text.get(..start)?), text.get(start..end)?.trim_end()))
    }
}

/// The messages of the recipe's reader, for another file.
fn renamed(mut error: Error, what: &'static str) -> Error {
    for text in std::iter::once(&mut error.message).chain(&mut error.hint) {
        *text = text.replace("the recipe", &format!("the {what}")).replace("a recipe", &format!("a {what}"));
    }
    error
}

impl Error {
    /// The same error with another hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }
}

impl Recipe {
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
}

/// The names of a recipe's variables.
pub(crate) fn variable_names(text: &str) -> BTreeSet<String> {
    variables::names(text)
}

/// A recipe's text with its variables written out. A number that takes the place of a quoted variable loses the quotes.
pub(crate) fn filled(text: &str, values: &BTreeMap<String, String>) -> String {
    let numbers = values.iter().filter(|(_, value)| value.parse::<f64>().is_ok());
    let bare = numbers.fold(text.to_owned(), |text, (name, _)| {
        let variable = format!("${{{name}}}");
        text.replace(&format!("\"{variable}\""), &variable).replace(&format!("'{variable}'"), &variable)
    });
    variables::substituted(&bare, values)
}
