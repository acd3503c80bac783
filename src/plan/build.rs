//! From a recipe to a plan.

use super::models::Models;
use super::rows::Rows;
use super::tensors::Collector;
use super::{Alignment, Error, Options, Plan, layout};
use crate::recipe::Recipe;

impl Plan {
    /// Opens the recipe's checkpoints (headers and small files only) and resolves everything the merge will do.
    ///
    /// # Errors
    /// A folder that is not there or cannot be read, models that disagree on how they are used, tensors that do not fit
    /// together, parameters without a value.
    pub fn build(recipe: Recipe, options: &Options) -> Result<Self, Error> {
        let models = Models::open(&recipe)?;
        let donor = recipe.base_model.as_ref().map_or(0, |base| models.index(base));
        let mut warnings: Vec<String> = recipe.warnings.iter().chain(&models.warnings).cloned().collect();
        models.agree(donor, &options.allow, recipe.tokenizer.is_some(), &mut warnings)?;
        let alignment = Alignment::build(&recipe, &models, donor, &mut warnings)?;

        let mut collector = Collector::new(&recipe, &models, donor, options, alignment.as_ref());
        collector.rows = Rows::build(&recipe, &models, donor, alignment.as_ref())?;
        collector.collect()?;
        let Collector { mut tensors, layers, gathered, warnings: found, .. } = collector;
        warnings.extend(found);
        let files = layout::place(&mut tensors, options.shard_size);
        let Models { checkpoints: models, adapters, .. } = models;
        let Options { seed, allow, .. } = options.clone();
        Ok(Self { recipe, models, adapters, donor, tensors, files, layers, alignment, gathered, warnings, seed, allow })
    }
}
