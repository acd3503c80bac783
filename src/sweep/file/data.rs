//! `data`, and what an objective names of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fields::{fields, text, whole};
use super::keys::{DATA, REFERENCE};
use crate::diagnose::Diagnose as _;
use crate::eval::data;
use crate::files;
use crate::nearest::nearest_path;
use crate::recipe::NodePath;
use crate::retrieval::{Retrieval, UnknownRetrieval};
use crate::yaml::{Checked, Diagnostic, Diagnostics, Node, quoted, unmask, variable_names};

/// A folder of data sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// What the sweep file calls it.
    pub name: String,
    /// The folder, absolute; or the name of a data set of the Hub with the commit that is read.
    pub path: PathBuf,
    /// At most so many queries.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub queries: Option<usize>,
    /// By which kinds of retrieval it is searched, with variables for weights; by what the model is without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retrieval: Option<String>,
}

impl DataSource {
    /// By which kinds of retrieval it is searched, where variables have these values, and 1 those that have none.
    ///
    /// # Errors
    /// Weights that are negative, or all of them 0.
    pub fn retrieval_at(&self, values: &BTreeMap<String, String>) -> Result<Option<Retrieval>, UnknownRetrieval> {
        self.retrieval.as_deref().map(|text| filled_in(text, values).parse()).transpose()
    }
}

/// A text with the values of its variables, 1 where there is none.
pub fn filled_in(text: &str, values: &BTreeMap<String, String>) -> String {
    variable_names(text).into_iter().fold(text.to_owned(), |filled, name| {
        filled.replace(&format!("${{{name}}}"), values.get(&name).map_or("1", String::as_str))
    })
}

/// Data sets that an objective averages over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Index into the spec's data.
    pub data: usize,
    /// The direction; every direction without one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub direction: Option<String>,
}

/// The data sets that the file names so far.
pub(super) struct Sources<'a> {
    pub(super) sources: Vec<DataSource>,
    /// The sweep file's folder.
    pub(super) folder: Option<&'a Path>,
}

impl Sources<'_> {
    /// Reads `data`.
    pub(super) fn declare(&mut self, node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<()> {
        let Node::Map(entries) = node else {
            return Err(Diagnostic::value(at, format!("expected names with folders, found {node}"))
                .hint("as `data: {jhe: sets/jhe}`".to_owned()));
        };
        for (name, value) in entries {
            let read = diagnostics.attempt(|diagnostics| self.source(name, value, &at.key(name), diagnostics));
            // Objectives may name what is refused.
            let unread = || DataSource { name: name.clone(), path: PathBuf::new(), queries: None, retrieval: None };
            self.sources.push(read.unwrap_or_else(unread));
        }
        Ok(())
    }

    fn source(&self, name: &str, value: &Node, here: &NodePath, diagnostics: &mut Diagnostics) -> Checked<DataSource> {
        let (path, path_at, queries, retrieval) = match value {
            Node::Map(_) => {
                let fields = fields(value, here, &DATA, diagnostics)?;
                let (path, path_at) = fields.need("path")?;
                let queries = fields.get("queries");
                let queries = queries.and_then(|(node, at)| diagnostics.attempt(|_| whole(node, &at, 1)));
                let retrieval = fields.get("retrieval");
                let retrieval = retrieval.and_then(|(node, at)| diagnostics.attempt(|_| retrieval_text(node, &at)));
                (text(path, &path_at, "a folder")?, path_at, queries, retrieval)
            }
            other => (text(other, here, "a folder")?, here.clone(), None, None),
        };
        let queries = queries.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        let path = match self.find(&path) {
            Some(path) => path,
            None if self.begins(&path) => return Err(no_folder(&path, self.folder, &path_at)),
            None => by_name(&path, &path_at)?.ok_or_else(|| no_folder(&path, self.folder, &path_at))?,
        };
        Ok(DataSource { name: name.to_owned(), path, queries, retrieval })
    }

    /// Reads an entry of `mean`: a name of `data` or a folder, with `:ko-en` behind it where one direction is meant.
    pub(super) fn reference(
        &mut self,
        node: &Node,
        at: &NodePath,
        diagnostics: &mut Diagnostics,
    ) -> Checked<Reference> {
        if let Node::Map(_) = node {
            let fields = fields(node, at, &REFERENCE, diagnostics)?;
            let (name, name_at) = fields.need("data")?;
            let name = text(name, &name_at, "a data set")?;
            let data = self.named(&name).ok_or_else(|| self.unknown(&name, &name_at))?;
            let direction = fields.get("direction").map(|(node, at)| text(node, &at, "a direction such as ko-en"));
            return Ok(Reference { data, direction: direction.transpose()? });
        }
        let written = text(node, at, "a data set")?;
        if let Some(data) = self.named(&written) {
            return Ok(Reference { data, direction: None });
        }
        if let Some((name, direction)) = written.rsplit_once(':')
            && let Some(data) = self.named(name.trim())
        {
            return Ok(Reference { data, direction: Some(direction.trim().to_owned()) });
        }
        Err(self.unknown(&written, at))
    }

    /// The index of a data set by its name, else by its folder, which is then added.
    fn named(&mut self, name: &str) -> Option<usize> {
        if let Some(known) = self.sources.iter().position(|source| source.name == name) {
            return Some(known);
        }
        let path = self.find(name)?;
        let whole = |source: &DataSource| source.queries.is_none() && source.retrieval.is_none();
        if let Some(known) = self.sources.iter().position(|source| source.path == path && whole(source)) {
            return Some(known);
        }
        self.sources.push(DataSource { name: name.to_owned(), path, queries: None, retrieval: None });
        Some(self.sources.len() - 1)
    }

    /// A folder, looked up in the current folder, then in the sweep file's.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let beside = self.folder.map(|folder| folder.join(path));
        let home = files::with_home(Path::new(path));
        let found = std::iter::once(PathBuf::from(path)).chain(beside).chain([home]).find(|path| path.is_dir())?;
        std::path::absolute(found).ok()
    }

    /// Whether the first part of a path is a folder here, so that a misspelt end is no name on the Hub.
    fn begins(&self, path: &str) -> bool {
        let first = Path::new(path).components().next();
        let here = [Some(Path::new("")), self.folder].into_iter().flatten();
        first.is_some_and(|first| here.into_iter().any(|folder| folder.join(first.as_os_str()).is_dir()))
    }

    fn unknown(&self, name: &str, at: &NodePath) -> Diagnostic {
        let names: Vec<&str> = self.sources.iter().map(|source| source.name.as_str()).collect();
        let near = crate::nearest::nearest(name, names.iter().copied());
        let fault = Diagnostic::value(at, format!("{} is neither a name under `data` nor a folder", quoted(name)));
        match near {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None if names.is_empty() => {
                fault.hint("folders are looked up in the current folder, then in the sweep file's".to_owned())
            }
            None => fault.hint(format!("`data` has {}", names.join(", "))),
        }
    }
}

/// By which kinds of retrieval a data set is searched. Variables have values later.
fn retrieval_text(node: &Node, at: &NodePath) -> Checked<String> {
    let written = unmask(&text(node, at, "kinds of retrieval")?);
    let source =
        DataSource { name: String::new(), path: PathBuf::new(), queries: None, retrieval: Some(written.clone()) };
    match source.retrieval_at(&BTreeMap::new()) {
        Ok(_) => Ok(written),
        Err(error) => Err(Diagnostic::value(at, error.to_string())
            .hint("as `retrieval: sparse`, or `retrieval: dense=${d},late=${l}` with variables".to_owned())),
    }
}

/// A data set of the Hub's cache that is meant by name, pinned to its commit.
fn by_name(text: &str, at: &NodePath) -> Checked<Option<PathBuf>> {
    match data::locate(Path::new(text)) {
        Ok(found) => Ok(found.map(|located| PathBuf::from(located.pinned()))),
        // A path that happens to look like a name.
        Err(error) if error.is_unknown_name() => Ok(None),
        Err(error) => {
            let fault = Diagnostic::value(at, error.to_string());
            Err(match error.hint() {
                Some(hint) => fault.hint(hint),
                None => fault,
            })
        }
    }
}

fn no_folder(path: &str, folder: Option<&Path>, at: &NodePath) -> Diagnostic {
    let looked = "relative paths are looked up in the current folder, then in the sweep file's".to_owned();
    let near = [Some(Path::new("")), folder].into_iter().flatten().find_map(|folder| nearest_path(&folder.join(path)));
    let hint = near.map_or(looked, |near| format!("did you mean {}?", quoted(&near.display().to_string())));
    Diagnostic::value(at, format!("there is no folder {}", quoted(path))).hint(hint)
}
