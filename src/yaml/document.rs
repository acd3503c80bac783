//! A YAML file that is read as a whole: its text and its tree.

use std::path::Path;

use super::diagnostic::Diagnostic;
use super::diagnostics::Diagnostics;
use super::error::{Error, Warning};
use super::path::NodePath;
use super::place::{self, Part};
use super::text::{YamlText, read_text};
use super::tree::Node;

/// A YAML file and the tree in it.
pub(crate) struct Document {
    text: String,
    name: String,
    what: &'static str,
    /// What it holds; variables are masked in it.
    pub(crate) root: Node,
}

impl Document {
    /// Reads a file; messages call it `what`.
    pub(crate) fn read(path: &Path, what: &'static str) -> Result<Self, Error> {
        Self::parse(read_text(path, what)?, path.display().to_string(), what)
    }

    /// Reads a text; messages call it `what`, and `name` in places.
    pub(crate) fn parse(text: String, name: String, what: &'static str) -> Result<Self, Error> {
        let root = YamlText { text: &text, name: &name, what }.tree()?;
        Ok(Self { text, name, what, root })
    }

    fn yaml(&self) -> YamlText<'_> {
        YamlText { text: &self.text, name: &self.name, what: self.what }
    }

    /// The error of a diagnostic.
    pub(crate) fn error(&self, diagnostic: Diagnostic) -> Error {
        self.yaml().error(diagnostic)
    }

    /// The errors so far.
    pub(crate) fn faults(&self, diagnostics: &mut Diagnostics) -> Vec<Error> {
        diagnostics.faults(&self.yaml())
    }

    /// The warnings so far.
    pub(crate) fn warnings(&self, diagnostics: Diagnostics) -> Vec<Warning> {
        diagnostics.warnings(&self.yaml())
    }

    /// The map that stands under a key of the root, as a text in which every line is where it was.
    pub(crate) fn embedded(&self, key: &str) -> Option<String> {
        let Node::Map(entries) = &self.root else { return None };
        let text = &self.text;
        let root = NodePath::default();
        let offset = |key: &str, part| {
            let place = place::place(text, "", &root.key(key), part)?;
            place::byte_at(text, place.line, place.column)
        };
        let start = offset(key, Part::Value)?;
        let keys = entries.iter().filter_map(|(name, _)| offset(name, Part::Key));
        let end = keys.filter(|end| *end > start).min().unwrap_or(text.len());
        let blank = |part: &str| -> String { part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect() };
        Some(format!("{}{}", blank(text.get(..start)?), text.get(start..end)?.trim_end()))
    }
}
