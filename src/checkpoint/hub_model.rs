//! Names of models and data sets on the Hugging Face Hub, `org/name[@revision]`, and their folders in its cache.

use std::fmt;
use std::path::{Component, Path, PathBuf};

/// The revision of a name without one.
pub const DEFAULT_REVISION: &str = "main";
/// The longest name that the Hub allows.
const LONGEST_NAME: usize = 96;

/// What a repository of the Hub holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HubKind {
    /// A model.
    Model,
    /// A data set.
    DataSet,
}

impl HubKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 2] = [Self::Model, Self::DataSet];

    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::DataSet => "data set",
        }
    }

    /// Its name in addresses and folders.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::DataSet => "datasets",
        }
    }

    /// The name of a repository whose folder in the cache has this name.
    fn repository(self, folder: &str) -> Option<&str> {
        folder.strip_prefix(self.plural())?.strip_prefix("--")
    }
}

/// Whether a folder of the cache is a repository's.
pub(super) fn is_repository(folder: &str) -> bool {
    HubKind::ALL.iter().any(|kind| kind.repository(folder).is_some())
}

/// A model or a data set on the Hub: `org/name`, or `org/name@revision`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HubModel {
    kind: HubKind,
    name: String,
    revision: Option<String>,
}

impl HubModel {
    /// Reads `org/name[@revision]`; `None` for a text that cannot be a model's name on the Hub.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, revision) = match text.split_once('@') {
            Some((name, revision)) => (name, Some(revision)),
            None => (text, None),
        };
        Self::new(name, revision)
    }

    /// A name and a revision; `None` if the Hub does not allow such names.
    pub fn new(name: &str, revision: Option<&str>) -> Option<Self> {
        let (owner, model) = name.split_once('/')?;
        let plain = is_part(owner) && is_part(model) && name.len() <= LONGEST_NAME;
        let model = Self { kind: HubKind::Model, name: name.to_owned(), revision: revision.map(str::to_owned) };
        (plain && revision.is_none_or(is_revision)).then_some(model)
    }

    /// A data set of this name and revision; `None` if the Hub does not allow such names.
    pub fn data_set(name: &str, revision: Option<&str>) -> Option<Self> {
        Self::new(name, revision).map(|model| Self { kind: HubKind::DataSet, ..model })
    }

    /// Whether it is a model or a data set.
    pub const fn kind(&self) -> HubKind {
        self.kind
    }

    /// `org/name`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The branch, tag or commit.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(DEFAULT_REVISION)
    }

    /// The folder of the repository in a cache.
    pub fn folder_in(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}--{}", self.kind.plural(), self.name.replace('/', "--")))
    }
}

impl fmt::Display for HubModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.revision.iter().try_for_each(|revision| write!(f, "@{revision}"))
    }
}

/// Whether a text is a valid half of a name, by the Hub's rules.
fn is_part(part: &str) -> bool {
    let edge = |c: char| c.is_ascii_alphanumeric() || c == '_';
    part.starts_with(edge)
        && part.ends_with(edge)
        && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !part.contains("--")
        && !part.contains("..")
}

/// Whether a text can be a branch, a tag or a commit, and a file name below `refs`.
pub(in crate::checkpoint) fn is_revision(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '=' | '#');
    text.len() <= 255 && text.chars().all(plain) && stays_inside(text)
}

/// Whether a `/`-separated path consists of plain names, without `..` or a root.
pub(crate) fn stays_inside(path: &str) -> bool {
    let plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\\', ':', '\0']);
    path.split('/').all(plain)
}

/// Whether a text is a commit hash as the Hub writes it.
pub fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A snapshot in a cache of the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubSnapshot {
    /// `org/name`.
    pub name: String,
    /// The commit.
    pub commit: String,
}

impl HubSnapshot {
    /// The model and commit of a folder in a cache; `None` for any other folder.
    pub fn of(folder: &Path) -> Option<Self> {
        let mut parts = folder.components().rev().map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        });
        let commit = parts.next()??.to_owned();
        let name = (parts.next()?? == "snapshots").then(|| parts.next()).flatten()??;
        let name = HubKind::ALL.iter().find_map(|kind| kind.repository(name))?.replacen("--", "/", 1);
        is_commit(&commit).then_some(Self { name, commit })
    }
}
