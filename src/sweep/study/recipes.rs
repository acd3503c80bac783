//! The recipes of trials: a point, the plain average, a parent alone.

use std::fmt::Write as _;

use super::manifest::Manifest;
use super::models::Model;
use crate::plan;
use crate::recipe::{ModelRef, Recipe};
use crate::sweep::Error;
use crate::sweep::file::RecipeText;

/// The recipe with every model named by its folder.
pub(super) fn with_folders(mut recipe: Recipe, models: &[Model]) -> Recipe {
    let known: Vec<ModelRef> = recipe.originals().into_iter().cloned().collect();
    let place = |reference: &mut ModelRef| {
        // A study has one name for a model that its recipe spells in several ways.
        let name = known.iter().find(|model| *model == reference).unwrap_or(reference).to_string();
        let named = models.iter().find(|model| model.name == name);
        // `settings_source` may name a model without its adapter.
        let adapted =
            || models.iter().find(|model| model.name.strip_prefix(&name).is_some_and(|rest| rest.starts_with('+')));
        if let Some(model) = named.or_else(adapted) {
            (reference.path, reference.revision) = (model.path.to_string_lossy().into_owned(), None);
            if let (Some(adapter), Some(folder)) = (&mut reference.adapter, &model.adapter) {
                (adapter.path, adapter.revision) = (folder.to_string_lossy().into_owned(), None);
            }
        }
    };
    recipe.references_mut().into_iter().filter(|reference| !reference.stage).for_each(place);
    for stage in &mut recipe.stages {
        stage.references_mut().into_iter().filter(|reference| !reference.stage).for_each(place);
    }
    recipe.identify();
    recipe
}

/// The recipe of the plain average of the models that the study's recipe merges.
pub(super) fn uniform(study: &Manifest) -> Result<Recipe, Error> {
    let middle = study.spec.params.place(&vec![0.5; study.spec.params.dimensions()]);
    let recipe = study.spec.recipe.at(&study.spec.params.texts(&middle))?;
    let mut merged: Vec<&ModelRef> = Vec::new();
    // Slices may leave models out of some layers: an average is of all of them.
    for model in recipe.slices.iter().flat_map(|slice| recipe.merged(slice)).map(|source| &source.model) {
        if !merged.contains(&model) {
            merged.push(model);
        }
    }
    // Two models between which a recipe moves are its base and the other one.
    if merged.len() == 1 || merged.iter().any(|model| model.stage) {
        merged = recipe.originals();
    }
    let tokenizer =
        recipe.tokenizer.as_ref().map(|tokenizer| tokenizer.without_base(recipe.base_model.as_ref(), &merged));
    let mut text = String::from("merge_method: linear\nmodels:\n");
    for model in &merged {
        let _ = writeln!(text, "  - {{model: {}, parameters: {{weight: 1}}}}", model.flow());
    }
    // It is used as the merges that it is compared with.
    if let Some(model) = plan::settings_to_name(&recipe, &merged) {
        if !merged.contains(&&model) {
            let _ = writeln!(text, "  - {{model: {}, parameters: {{weight: 0}}}}", model.flow());
        }
        let _ = writeln!(text, "settings_source: {}", model.flow());
    }
    for (key, dtype) in [("dtype", recipe.dtype), ("out_dtype", recipe.out_dtype)] {
        if let Some(dtype) = dtype {
            let _ = writeln!(text, "{key}: {}", dtype.name());
        }
    }
    if let Some(tokenizer) = tokenizer {
        let _ = writeln!(text, "tokenizer: {}", tokenizer.flow());
    }
    let folder = study.spec.recipe.folder.clone();
    Ok(RecipeText { text, origin: "the uniform average".into(), folder }.at(&<_>::default())?)
}

/// The recipe of a model of the study's recipe with its adapter and nothing else.
pub(super) fn alone(study: &Manifest, name: &str) -> Result<Recipe, Error> {
    let middle = study.spec.params.place(&vec![0.5; study.spec.params.dimensions()]);
    let recipe = study.spec.recipe.at(&study.spec.params.texts(&middle))?;
    let model = recipe.originals().into_iter().find(|model| model.to_string() == name);
    let text =
        format!("merge_method: passthrough\nmodels: [{{model: {}}}]\n", model.map(ModelRef::flow).unwrap_or_default());
    let folder = study.spec.recipe.folder.clone();
    Ok(RecipeText { text, origin: "a model with its adapter".into(), folder }.at(&<_>::default())?)
}
