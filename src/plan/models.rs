//! The checkpoints that a recipe names, and their folders.

use std::path::{Path, PathBuf};

use super::adapted::Adapted;
use super::error::Error;
use crate::checkpoint::{self, Checkpoint, HubHome, HubModel, Links};
use crate::recipe::{ModelRef, Recipe};

/// The checkpoints of a recipe, in the order of first mention, each once.
pub(super) struct Models {
    pub(super) references: Vec<ModelRef>,
    /// Their names in messages.
    pub(super) paths: Vec<String>,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) adapters: Vec<Option<Adapted>>,
    pub(super) warnings: Vec<String>,
    pub(super) links: Links,
}

impl Models {
    /// The index of a model that the recipe names.
    pub(super) fn index(&self, model: &ModelRef) -> usize {
        self.find(model).unwrap_or_default()
    }

    /// The index of a model, if the recipe merges it.
    pub(super) fn find(&self, model: &ModelRef) -> Option<usize> {
        self.references.iter().position(|known| known == model)
    }
}

/// The folder of a model without its adapter, or of an adapter. Relative paths are looked up in the current folder, then in
/// the recipe's; names on the Hub after that in its cache.
pub(crate) fn resolve(recipe: &Recipe, model: &ModelRef) -> Result<PathBuf, Error> {
    let path = Path::new(&model.path);
    if let Some(found) = recipe.on_disk(model) {
        return Ok(found);
    }
    let beside = recipe.folder().filter(|folder| path.is_relative() && !folder.as_os_str().is_empty());
    let place = || recipe.place(&model.at).map(Box::new);
    if let Some(hub) = HubModel::new(&model.path, model.revision.as_deref()) {
        let begins = path.components().next().is_some_and(|first| recipe.here(Path::new(first.as_os_str())).is_some());
        match checkpoint::find(&hub, &HubHome::from_env().cache) {
            // If its first folder exists, it is a path with a misspelt end.
            Err(checkpoint::Error::NotInCache { .. }) if begins => {}
            found => return found.map_err(|source| Error::Hub { source, place: place() }),
        }
    }
    Err(Error::NoSuchModel {
        path: model.without_adapter().to_string(),
        place: place(),
        beside: beside.map(Path::to_path_buf),
        near: None,
    })
}

/// Whether a model is a folder on this machine and not a name on the Hub.
#[cfg(all(feature = "cli", feature = "hub"))]
pub(crate) fn is_here(recipe: &Recipe, model: &ModelRef) -> bool {
    recipe.on_disk(model).is_some()
}
