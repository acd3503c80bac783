//! What the data sets ask for.

use std::path::PathBuf;

use crate::escape::{is_hidden, literal, yaml};
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
            Some(direction) if self.shared => literal(&format!("{}:{direction}", self.name)),
            _ => yaml(&self.name),
        }
    }

    /// The same as a name of its own.
    pub(super) fn plain_reference(&self) -> String {
        match &self.direction {
            Some(direction) if self.shared => format!("{}-{}", self.name, plain(direction)),
            _ => self.name.clone(),
        }
    }
}

/// The data sets in some folders.
pub(super) fn look(folders: &[PathBuf]) -> anyhow::Result<Vec<Set>> {
    let mut sets: Vec<Set> = Vec::new();
    for folder in folders {
        let opened = data::inspect(folder, &Options::default())?;
        let name = folder.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned());
        let name = plain(&name);
        let mut name = if name.starts_with(char::is_alphabetic) { name } else { format!("set-{name}") };
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

/// A text as a part of a plain key.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_alphanumeric() && !is_hidden(c) { c } else { '-' }).collect()
}
