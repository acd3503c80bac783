//! Opening the checkpoints a recipe names, and what they must agree on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::usage::is_without_adapter;
use super::vocabulary::token_rows;
use super::{Adapted, Error, Stage};
use crate::checkpoint::{
    self, Adapter, Checkpoint, Disagreement, HubHome, HubModel, Links, Mismatch, disagreements_of_use,
};
use crate::recipe::{ModelRef, Recipe};
use crate::yaml::nearest;

/// The checkpoints of a recipe, in the order of first mention, each once.
pub(super) struct Models {
    pub(super) references: Vec<ModelRef>,
    /// Their names in messages.
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
        let (mut adapters, mut stages, mut references) = (Vec::new(), Vec::new(), Vec::new());
        for model in recipe.models().into_iter().filter(|model| !model.is_unknown()) {
            let stage = known.iter().find(|stage| model.stage && stage.name == model.path).cloned();
            if model.stage && stage.is_none() {
                continue;
            }
            let (checkpoint, adapter) = match opened(recipe, model, stage.as_deref(), links, &mut warnings) {
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
            warnings.extend(adapter.iter().flat_map(|adapter| adapter.remarks(&checkpoint)));
            adapters.push(adapter);
            checkpoints.push(checkpoint);
            paths.push(model.to_string());
            references.push(model.clone());
        }
        Self { references, paths, checkpoints, adapters, stages, warnings, links }
    }

    /// The index of a model that the recipe names.
    pub(super) fn index(&self, model: &ModelRef) -> usize {
        self.find(model).unwrap_or_default()
    }

    /// The index of a model, if the recipe merges it.
    pub(super) fn find(&self, model: &ModelRef) -> Option<usize> {
        self.references.iter().position(|known| known == model)
    }
}

impl Models {
    /// Whether a disagreement is about what config.json says of tables that are alike, or with a model that has no
    /// tokenizer of its own.
    pub(super) fn is_only_said(&self, found: &Disagreement, left: usize, right: usize) -> bool {
        let bare = |model: usize| self.checkpoints[model].tokenizer().is_empty();
        match found.kind {
            Mismatch::Tokenizer => bare(left) != bare(right),
            Mismatch::Architecture if found.what == "vocabulary size" => {
                let rows = |model: usize| token_rows(self, model).ok();
                rows(left).is_some() && rows(left) == rows(right)
            }
            _ => false,
        }
    }
}

/// A model of a recipe, with its adapter.
pub(super) fn opened(
    recipe: &Recipe,
    model: &ModelRef,
    stage: Option<&Stage>,
    links: Links,
    warnings: &mut Vec<String>,
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
    let Some(adapter) = model.adapter.as_deref() else { return Ok((checkpoint, None)) };
    let folder = resolve(recipe, adapter)?;
    let adapter = Adapter::open_with(&folder, links)?;
    let checkpoint = match Checkpoint::open_usage(&folder, links)? {
        Some(usage) if is_without_adapter(recipe, model) => {
            warnings.extend(differs(&checkpoint, &usage).map(|found| {
                format!("`{model}` is used as it is without its adapter, whose folder says otherwise: {found}")
            }));
            checkpoint
        }
        Some(usage) => {
            warnings.extend(differs(&checkpoint, &usage).map(|found| {
                format!("`{model}` is used as the folder of its adapter says, and not as that of the model: {found}")
            }));
            checkpoint.used_as(usage)
        }
        None => checkpoint,
    };
    let adapted = Adapted::new(adapter, &checkpoint)?;
    Ok((checkpoint, Some(adapted)))
}

/// The first thing in which the folder of an adapter differs from its model in how it is used.
fn differs(model: &Checkpoint, usage: &Checkpoint) -> Option<String> {
    if !model.is_sentence_transformers() {
        return None;
    }
    let found = disagreements_of_use(model, usage).into_iter().next()?;
    Some(format!("{} {} without it, {} with it", found.what, found.left, found.right))
}

/// The error of a model that is not there, with the document that may have been meant.
fn with_near(mut error: Error, recipe: &Recipe) -> Error {
    if let Error::NoSuchModel { path, near, .. } = &mut error {
        let others = recipe.documents().filter(|name| recipe.name.as_deref() != Some(name));
        *near = nearest(path, others).map(str::to_owned);
    }
    error
}

/// The folder of a model without its adapter, or of an adapter: relative paths are looked up in the current folder first, then in the recipe's, and names of the
/// Hub then in its cache.
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
    recipe.on_disk(model).is_some()
}
