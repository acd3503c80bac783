//! What `sources` chose, for people and programs.

use serde::Serialize;

use super::types::Plan;

/// The checkpoints that `sources` of a recipe chose.
#[derive(Clone, Debug, Serialize)]
pub struct SoupSummary {
    /// The globs and paths, as they are written.
    pub sources: Vec<String>,
    /// How many folders they match.
    pub matched: usize,
    /// How many of the last are merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// What each weighs where the next one weighs 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay: Option<f64>,
    /// The checkpoints that are merged, the last one last.
    pub models: Vec<Weighed>,
}

/// A checkpoint and its weight.
#[derive(Clone, Debug, Serialize)]
pub struct Weighed {
    /// The folder.
    pub folder: String,
    /// The weight, where it is one number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
}

impl Plan {
    /// What `sources` chose; `None` where the recipe names its models.
    pub fn soup(&self) -> Option<SoupSummary> {
        let soup = self.recipe.soup.as_ref()?;
        let models = self.recipe.weighed().into_iter();
        Some(SoupSummary {
            sources: soup.sources.clone(),
            matched: soup.matched.len(),
            window: soup.window,
            decay: soup.decay,
            models: models.map(|(model, weight)| Weighed { folder: model.to_string(), weight }).collect(),
        })
    }
}

impl Plan {
    /// The weight that `sources` gives a model; `None` where the recipe names its models.
    pub fn soup_weight(&self, model: usize) -> Option<f64> {
        let model = *self.recipe.models().get(model)?;
        self.recipe.weighed().into_iter().find(|(weighed, _)| *weighed == model)?.1
    }
}

impl SoupSummary {
    /// Which checkpoints these are, in words.
    pub fn describe(&self) -> String {
        let which = match self.window {
            Some(window) if window < self.matched => format!("the last {window} of {}", self.matched),
            _ => self.matched.to_string(),
        };
        let decay = self.decay.map_or_else(String::new, |decay| format!(", weights decaying by {decay}"));
        let noun = if self.matched == 1 { "checkpoint" } else { "checkpoints" };
        format!("{which} {noun} of {}{decay}", self.sources.join(", "))
    }
}
