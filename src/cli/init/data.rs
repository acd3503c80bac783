//! What the data sets ask for.

use std::path::{Path, PathBuf};

use crate::eval::data::{self, Options};

/// A data set in one direction.
pub(super) struct Set {
    /// What the sweep file calls its folder.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    /// Query and document language.
    pub(super) direction: Option<String>,
    /// Whether the folder holds other directions, too.
    pub(super) shared: bool,
    pub(super) splits: Vec<String>,
}

impl Set {
    /// How an objective names it.
    pub(super) fn reference(&self) -> String {
        match &self.direction {
            Some(direction) if self.shared => format!("\"{}:{direction}\"", self.name),
            _ => self.name.clone(),
        }
    }

    /// Whether queries and documents are in one language.
    pub(super) fn is_mono(&self) -> Option<bool> {
        let (query, document) = self.direction.as_ref()?.split_once('-')?;
        Some(query == document)
    }
}

/// The data sets in some folders.
pub(super) fn look(folders: &[PathBuf]) -> anyhow::Result<Vec<Set>> {
    let mut sets: Vec<Set> = Vec::new();
    for folder in folders {
        let opened = data::inspect(folder, &Options::default())?;
        let mut name = plain(folder);
        while sets.iter().any(|set| set.name == name) {
            name.push('2');
        }
        let shared = opened.sets.len() > 1;
        sets.extend(opened.sets.into_iter().map(|set| Set {
            name: name.clone(),
            folder: folder.clone(),
            direction: set.direction,
            shared,
            splits: opened.splits.clone(),
        }));
    }
    Ok(sets)
}

/// A folder's name as a plain key.
fn plain(folder: &Path) -> String {
    let name = folder.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned());
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '-' }).collect();
    if name.starts_with(char::is_alphabetic) { name } else { format!("set-{name}") }
}
