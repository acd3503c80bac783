//! Opening the checkpoints a recipe names, and what they must agree on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Adapted, Allow, Error, Stage};
use crate::checkpoint::{
    self, Adapter, Checkpoint, HubHome, HubModel, Links, Mismatch, disagreements, disagreements_besides_vocabulary,
};
use crate::recipe::{ModelRef, Recipe, yaml::nearest};

/// The checkpoints of a recipe, in the order of first mention, each once.
pub(super) struct Models {
    pub(super) paths: Vec<String>,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) adapters: Vec<Option<Adapted>>,
    pub(super) stages: Vec<Option<Arc<Stage>>>,
    pub(super) warnings: Vec<String>,
    pub(super) links: Links,
}

impl Models {
    /// Opens what can be opened; a model that cannot is a fault. A document that is not in `known` is left out: what is
    /// wrong with it was said.
    pub(super) fn open(recipe: &Recipe, known: &[Arc<Stage>], links: Links, faults: &mut Vec<Error>) -> Self {
        let (mut paths, mut checkpoints, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (mut adapters, mut stages) = (Vec::new(), Vec::new());
        for model in recipe.models().into_iter().filter(|model| !model.is_unknown()) {
            let stage = known.iter().find(|stage| model.stage && stage.name == model.path).cloned();
            if model.stage && stage.is_none() {
                continue;
            }
            let (checkpoint, adapter) = match opened(recipe, model, stage.as_deref(), links) {
                Ok(opened) => opened,
                Err(error) => {
                    faults.push(error);
                    continue;
                }
            };
            stages.push(stage);
            if let Some(revision) = model.revision.as_ref().filter(|_| checkpoint.snapshot().is_none()) {
                warnings.push(format!("`{}` is a folder here; its revision `{revision}` has no effect", model.path));
            }
            let of_adapter = adapter.iter().flat_map(|adapted| adapted.adapter.weights().outside());
            warnings.extend(checkpoint.outside().chain(of_adapter).map(|(file, place)| {
                let (file, place) = (file.display(), place.display());
                format!("`{file}` leads out of the model folder: the weights of `{place}` go into the merge")
            }));
            warnings.extend(adapter.as_ref().and_then(|adapter| adapter.remark(&checkpoint)));
            adapters.push(adapter);
            checkpoints.push(checkpoint);
            paths.push(model.to_string());
        }
        Self { paths, checkpoints, adapters, stages, warnings, links }
    }

    /// The index of a model that the recipe names.
    pub(super) fn index(&self, model: &ModelRef) -> usize {
        let name = model.to_string();
        self.paths.iter().position(|path| *path == name).unwrap_or_default()
    }

    /// Refuses models that are not used in the same way, and says which accepted differences there are. With `aligned` their
    /// vocabularies may differ.
    pub(super) fn agree(
        &self,
        donor: usize,
        allow: &Allow,
        aligned: bool,
        warnings: &mut Vec<String>,
        faults: &mut Vec<Error>,
    ) {
        for (index, other) in self.checkpoints.iter().enumerate() {
            if index == donor {
                continue;
            }
            let compare = if aligned { disagreements_besides_vocabulary } else { disagreements };
            for found in compare(&self.checkpoints[donor], other) {
                // Where the recipe says whose tokenizer the output has, what it does to a text is chosen too.
                let accepted = allow.accepts(found.kind) || (aligned && found.kind == Mismatch::Tokenizer);
                let error = Error::Disagreement {
                    found: Box::new(found),
                    left: self.paths[donor].clone(),
                    right: self.paths[index].clone(),
                };
                if accepted {
                    warnings.push(format!("{error}; the merge has what `{}` has", self.paths[donor]));
                } else {
                    faults.push(error);
                }
            }
        }
    }
}

/// A model of a recipe, with its adapter.
fn opened(
    recipe: &Recipe,
    model: &ModelRef,
    stage: Option<&Stage>,
    links: Links,
) -> Result<(Checkpoint, Option<Adapted>), Error> {
    let checkpoint = match (stage, &model.adapter) {
        (None, _) => Checkpoint::open_with(&resolve(recipe, model).map_err(|error| with_near(error, recipe))?, links)?,
        (Some(stage), None) => return Ok((stage.checkpoint(), None)),
        (Some(stage), Some(adapter)) => {
            return Err(Error::AdapterOfStage {
                stage: stage.name.clone(),
                adapter: adapter.to_string(),
                place: recipe.place(&model.at).map(Box::new),
            });
        }
    };
    let adapter = model.adapter.as_deref().map(|adapter| adapted(recipe, adapter, &checkpoint, links)).transpose()?;
    Ok((checkpoint, adapter))
}

/// The error of a model that is not there, with the document that may have been meant.
fn with_near(mut error: Error, recipe: &Recipe) -> Error {
    if let Error::NoSuchModel { path, near, .. } = &mut error {
        let others = recipe.documents().filter(|name| recipe.name.as_deref() != Some(name));
        *near = nearest(path, others).map(str::to_owned);
    }
    error
}

/// The adapter of a model.
fn adapted(recipe: &Recipe, adapter: &ModelRef, model: &Checkpoint, links: Links) -> Result<Adapted, Error> {
    Adapted::new(Adapter::open_with(&resolve(recipe, adapter)?, links)?, model)
}

/// The folder of a model without its adapter, or of an adapter: relative paths are looked up in the current folder first, then in the recipe's, and names of the
/// Hub then in its cache.
pub(crate) fn resolve(recipe: &Recipe, model: &ModelRef) -> Result<PathBuf, Error> {
    let path = Path::new(&model.path);
    if let Some(found) = on_disk(recipe, model) {
        return Ok(found);
    }
    let beside = recipe.folder().filter(|folder| path.is_relative() && !folder.as_os_str().is_empty());
    let place = || recipe.place(&model.at).map(Box::new);
    if let Some(hub) = HubModel::new(&model.path, model.revision.as_deref()) {
        let begins = path.components().next().is_some_and(|first| here(recipe, Path::new(first.as_os_str())).is_some());
        match checkpoint::find(&hub, &HubHome::from_env().cache) {
            // With a first folder that exists it is a path with a misspelt end.
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

/// Whether a model is a folder on this machine, not one of the Hub.
#[cfg(all(feature = "cli", feature = "hub"))]
pub(crate) fn is_here(recipe: &Recipe, model: &ModelRef) -> bool {
    on_disk(recipe, model).is_some()
}

/// The folder that a reference names. What looks like a revision may be a part of its name.
fn on_disk(recipe: &Recipe, model: &ModelRef) -> Option<PathBuf> {
    here(recipe, Path::new(&model.path)).or_else(|| here(recipe, Path::new(&model.without_adapter().to_string())))
}

/// A path from the current folder or from the recipe's.
fn here(recipe: &Recipe, path: &Path) -> Option<PathBuf> {
    let beside = recipe.folder().filter(|_| path.is_relative()).map(|folder| folder.join(path));
    std::iter::once(path.to_path_buf()).chain(beside).find(|path| path.exists())
}
