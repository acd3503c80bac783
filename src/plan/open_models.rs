//! Opens the checkpoints that a recipe names.

use std::sync::Arc;

use super::adapted::Adapted;
use super::error::Error;
use super::models::{Models, resolve};
use super::types::Stage;
use crate::checkpoint::{Adapter, Checkpoint, Links, disagreements_of_use};
use crate::nearest::nearest;
use crate::recipe::{ModelRef, Recipe};

/// The opened checkpoints of a recipe, and the documents whose merges some of them are.
pub(super) struct OpenedModels {
    pub(super) models: Models,
    /// For each model the document whose merge it is.
    pub(super) stages: Vec<Option<Arc<Stage>>>,
}

impl OpenedModels {
    /// Opens all models. Those that cannot be opened are added to `faults`. A document that is not in `known` is skipped,
    /// because its faults were reported already.
    pub(super) fn open(recipe: &Recipe, known: &[Arc<Stage>], links: Links, faults: &mut Vec<Error>) -> Self {
        let (mut paths, mut checkpoints, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (mut adapters, mut stages, mut references) = (Vec::new(), Vec::new(), Vec::new());
        for model in recipe.models().into_iter().filter(|model| !model.is_unknown()) {
            let stage = known.iter().find(|stage| model.stage && stage.name == model.path).cloned();
            if model.stage && stage.is_none() {
                continue;
            }
            let (checkpoint, adapter) = match open_model(recipe, model, stage.as_deref(), links, &mut warnings) {
                Ok(found) => found,
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
        Self { models: Models { references, paths, checkpoints, adapters, warnings, links }, stages }
    }
}

/// A model of a recipe, with its adapter.
pub(super) fn open_model(
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

/// The first setting (pooling, prompts and so on) in which an adapter's folder differs from its model.
fn differs(model: &Checkpoint, usage: &Checkpoint) -> Option<String> {
    if !model.is_sentence_transformers() {
        return None;
    }
    let found = disagreements_of_use(model, usage).into_iter().next()?;
    Some(format!("{} {} without it, {} with it", found.what, found.left, found.right))
}

/// Adds the document that may have been meant to the error of a missing model.
fn with_near(mut error: Error, recipe: &Recipe) -> Error {
    if let Error::NoSuchModel { path, near, .. } = &mut error {
        let others = recipe.documents().filter(|name| recipe.name.as_deref() != Some(name));
        *near = nearest(path, others).map(str::to_owned);
    }
    error
}

/// Whether a model with an adapter keeps the model's own settings, whatever the adapter's folder says.
fn is_without_adapter(recipe: &Recipe, model: &ModelRef) -> bool {
    let source = recipe.settings_source.as_ref().filter(|source| source.adapter.is_none());
    model.adapter.is_some()
        && source.is_some_and(|source| *source == model.without_adapter() && !recipe.models().contains(&source))
}
