//! The texts that run through a recipe's models, as far as their files tell.

use std::path::Path;

use serde::Serialize;

use super::error::Error;
use super::types::Plan;
use crate::recipe::{Recipe, Texts};

/// The texts that run through a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TextsSummary {
    /// The model, as the recipe names it.
    pub model: String,
    /// The file or folder, as the recipe names it.
    pub path: String,
    /// The size of the file; `None` for a folder.
    pub bytes: Option<u64>,
}

/// The models that texts run through, in recipe order, with their texts.
fn of_models(recipe: &Recipe) -> Vec<(String, &Texts)> {
    if !recipe.method.needs_texts() {
        return Vec::new();
    }
    let sources = recipe.slices.iter().flat_map(|slice| &slice.sources);
    let texts =
        sources.filter_map(|source| Some((source.model.to_string(), source.texts.as_ref().or(recipe.texts.as_ref())?)));
    texts.collect()
}

/// Texts that a recipe names and that are not there.
pub(super) fn missing_texts(recipe: &Recipe) -> Vec<Error> {
    let mut missing: Vec<&Texts> = of_models(recipe).into_iter().map(|(_, texts)| texts).collect();
    missing.dedup();
    missing.retain(|texts| recipe.path_of(texts).is_none());
    let fault = |texts: &Texts| Error::NoSuchTexts {
        path: texts.path.clone(),
        place: recipe.place(&texts.at).map(Box::new),
        beside: recipe.folder().filter(|folder| !folder.as_os_str().is_empty()).map(Path::to_path_buf),
    };
    missing.into_iter().map(fault).collect()
}

impl Plan {
    /// The texts that run through each model; empty for a method that needs none.
    pub fn texts(&self) -> Vec<TextsSummary> {
        let summary = |(model, texts): (String, &Texts)| {
            let found = self.recipe.path_of(texts).and_then(|path| std::fs::metadata(path).ok());
            let bytes = found.filter(std::fs::Metadata::is_file).map(|file| file.len());
            TextsSummary { model, path: texts.path.display().to_string(), bytes }
        };
        of_models(&self.recipe).into_iter().map(summary).collect()
    }
}
