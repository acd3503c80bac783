//! Builds a plan from a recipe.

use std::sync::Arc;

use super::chat_template::chat_template;
use super::config::classes;
use super::models::Models;
use super::open_models::OpenedModels;
use super::tensors::Collector;
use super::texts::missing_texts;
use super::usage::Usage;
use super::vocabulary::RowClasses;
use super::{Alignment, Error, Errors, Options, Plan, Stage, layout};
use crate::checkpoint::Checkpoint;
use crate::recipe::Recipe;

impl Plan {
    /// Opens the recipe's checkpoints (headers and small files only) and resolves everything that the merge will do.
    ///
    /// # Errors
    /// Every fault at once: folders that are missing or cannot be read, models that disagree on how they are used, tensors
    /// that do not fit together, parameters without a value.
    pub fn build(recipe: Recipe, options: &Options) -> Result<Self, Errors> {
        let mut stages: Vec<Arc<Stage>> = Vec::new();
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        // Options for the output do not apply to the merges that it is made from.
        let own = Options { dtype: None, out_dtype: None, ..options.clone() };
        for stage in &recipe.stages {
            let name = stage.name.clone().unwrap_or_default();
            match Self::with(stage.clone(), &stages, &own) {
                Ok(plan) if plan.recipe.method.needs_texts() => {
                    faults.push(Error::TextsOfStage { stage: name, method: plan.recipe.method.name });
                }
                Ok(plan) if plan.alignment.is_some() => faults.push(Error::VocabularyOfStage { stage: name }),
                Ok(plan) => {
                    warnings.extend(plan.warnings.iter().map(|warning| format!("document `{name}`: {warning}")));
                    stages.push(Arc::new(Stage::new(name, plan)));
                }
                Err(Errors(found)) => faults.extend(found),
            }
        }
        match Self::with(recipe, &stages, options) {
            Ok(mut plan) if faults.is_empty() => {
                plan.warnings.extend(warnings);
                Ok(plan)
            }
            Ok(_) => Err(Errors(faults)),
            Err(Errors(found)) => {
                faults.extend(found);
                Err(Errors(faults))
            }
        }
    }

    /// The plan of one document.
    fn with(recipe: Recipe, stages: &[Arc<Stage>], options: &Options) -> Result<Self, Errors> {
        let mut faults = Vec::new();
        faults.extend(missing_texts(&recipe));
        let opened = OpenedModels::open(&recipe, stages, options.allow.links(), &mut faults);
        let models = &opened.models;
        // The model that the others are compared with may be among those that could not be opened.
        let complete = models.paths.len() == recipe.models().len();
        let donor = recipe.base_model.as_ref().map_or(0, |base| models.index(base));
        let mut warnings: Vec<String> = recipe.warnings.iter().chain(&models.warnings).cloned().collect();
        let usage = models.usage(&recipe, donor).unwrap_or_else(|error| {
            faults.push(error);
            Usage { model: donor, chosen: true }
        });
        warnings.extend(models.remark_on_usage(donor, usage));
        models.agree(&recipe, donor, usage, &options.allow, &mut warnings, &mut faults);
        // If no model could be read, that was reported already.
        if !complete || models.paths.is_empty() {
            return Err(Errors(faults));
        }
        warnings.extend(classes(&recipe, models, donor));

        let alignment = match Alignment::build(&recipe, models, donor, &mut warnings) {
            Ok(alignment) => alignment,
            Err(error) => {
                faults.push(error);
                return Err(Errors(faults));
            }
        };
        let chat_template = match chat_template(&recipe, &opened, donor, alignment.as_ref(), &mut warnings) {
            Ok(template) => template,
            Err(error) => {
                faults.push(error);
                None
            }
        };
        let mut collector = Collector::new(&recipe, &opened, donor, usage, options, alignment.as_ref());
        match RowClasses::build(&recipe, models, donor, alignment.as_ref()) {
            Ok(rows) => collector.rows = rows,
            Err(error) => faults.push(error),
        }
        let collected = collector.collect();
        let Collector {
            mut tensors, layers, layer_config, non_layer, gathered, warnings: found, faults: unfit, ..
        } = collector;
        faults.extend(unfit);
        faults.extend(collected.err());
        // Placeholders say nothing about the values that the recipe will have.
        faults.retain(|fault| !(recipe.is_partial() && fault.is_of_values()));
        if !faults.is_empty() || recipe.is_partial() {
            return Err(Errors(faults));
        }
        warnings.extend(found);
        let non_layer = layers.as_ref().map(|_| non_layer);
        let heads = models.checkpoints.get(usage.model).map(Checkpoint::heads).unwrap_or_default();
        let heads = heads.iter().filter_map(|head| Some((head.folder.clone(), head.file.clone()?))).collect();
        let files = layout::place(&mut tensors, options.shard_size, &heads);
        let OpenedModels { models: Models { checkpoints: models, adapters, .. }, stages } = opened;
        let Options { seed, allow, .. } = options.clone();
        Ok(Self {
            recipe,
            models,
            adapters,
            stages,
            donor,
            settings: usage.model,
            tensors,
            files,
            layers,
            layer_config,
            non_layer,
            alignment,
            chat_template,
            gathered,
            warnings,
            seed,
            allow,
        })
    }

    /// Checks the checkpoints of a recipe, even of one that cannot be merged yet ([`Recipe::is_partial`]). Returns the
    /// errors and the warnings.
    pub fn check(recipe: Recipe, options: &Options) -> (Vec<Error>, Vec<String>) {
        match Self::build(recipe, options) {
            Ok(plan) => (Vec::new(), plan.warnings),
            Err(Errors(faults)) => (faults, Vec::new()),
        }
    }
}
