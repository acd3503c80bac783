//! Recognises the spellings of one model: `base`, `./base/`, a link to it, its name on the Hub, and its folder in the Hub's
//! cache.

use std::path::{Path, PathBuf};

use super::types::{ModelRef, Recipe};
use crate::checkpoint::{self, HubHome, HubModel};
use crate::files;

impl Recipe {
    /// Finds the folders of all models on this machine. Two references to one folder are references to one model.
    pub(crate) fn identify(&mut self) {
        let folder = self.source.folder.clone();
        identify(self, folder.as_deref());
        self.stages.iter_mut().for_each(Self::identify);
    }

    /// The folder that a model's path, or an adapter's, leads to: from the current folder first, then from the recipe's.
    pub(crate) fn on_disk(&self, model: &ModelRef) -> Option<PathBuf> {
        on_disk(self.folder(), model)
    }

    /// A path from the current folder, or from the recipe's.
    pub(crate) fn here(&self, path: &Path) -> Option<PathBuf> {
        here(self.folder(), path)
    }
}

/// As [`Recipe::identify`], for a recipe that does not know its folder yet.
pub(super) fn identify(recipe: &mut Recipe, folder: Option<&Path>) {
    let documents = recipe.source.documents.clone();
    for model in recipe.references_mut() {
        identify_model(model, folder, &documents);
    }
}

/// Finds the folders of a model and its adapter; `documents` are the names of the recipe's documents.
pub(super) fn identify_model(model: &mut ModelRef, folder: Option<&Path>, documents: &[String]) {
    // A document of this name takes precedence over a folder.
    let is_stage = model.stage || (model.revision.is_none() && documents.contains(&model.path));
    model.identity = if is_stage { None } else { identity(folder, model) };
    if let Some(adapter) = &mut model.adapter {
        adapter.identity = identity(folder, adapter);
    }
}

/// The folder without symbolic links.
fn identity(folder: Option<&Path>, model: &ModelRef) -> Option<PathBuf> {
    if model.is_unknown() {
        return None;
    }
    let cached = || {
        let hub = HubModel::new(&model.path, model.revision.as_deref())?;
        checkpoint::find(&hub, &HubHome::from_env().cache).ok()
    };
    on_disk(folder, model).or_else(cached)?.canonicalize().ok()
}

/// The folder, where what looks like a revision may be a part of the folder's name.
fn on_disk(folder: Option<&Path>, model: &ModelRef) -> Option<PathBuf> {
    let whole = || here(folder, Path::new(&model.without_adapter().to_string()));
    here(folder, Path::new(&model.path)).or_else(whole)
}

fn here(folder: Option<&Path>, path: &Path) -> Option<PathBuf> {
    let beside = folder.filter(|_| path.is_relative()).map(|folder| folder.join(path));
    let candidates = std::iter::once(path.to_path_buf()).chain(beside).chain(std::iter::once(files::with_home(path)));
    candidates.into_iter().find(|path| path.exists())
}
