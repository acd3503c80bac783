//! `sources`: a soup of many checkpoints of a run.

use super::model_ref::ModelRef;
use super::recipe::Recipe;
use super::setting::SettingValue;
use crate::method::Value;
use crate::yaml::NodePath;

/// How `sources` chose the models of a recipe.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Soup {
    /// The globs and paths, as they are written.
    pub sources: Vec<String>,
    /// Every folder that they match: glob after glob, the matches of one in the order of the numbers in their names.
    pub matched: Vec<ModelRef>,
    /// How many of the last are merged; all where there is none.
    pub window: Option<usize>,
    /// What the weight of each is to that of the next.
    pub decay: Option<f64>,
    /// Where the recipe names them.
    pub at: NodePath,
}

impl Soup {
    /// The folders that are merged, in order.
    pub fn chosen(&self) -> &[ModelRef] {
        let first = self.matched.len().saturating_sub(self.window.unwrap_or(usize::MAX));
        self.matched.get(first..).unwrap_or_default()
    }

    /// The weights of so many checkpoints, the last one's largest. Their sum is 1.
    pub fn weights(&self, count: usize) -> Vec<f64> {
        let ratio = self.decay.unwrap_or(1.0);
        let mut weights: Vec<f64> =
            std::iter::successors(Some(1.0), |weight| Some(weight * ratio)).take(count).collect();
        weights.reverse();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / sum).collect()
    }
}

impl Recipe {
    /// What `sources` of all documents match.
    pub fn matched(&self) -> impl Iterator<Item = &ModelRef> {
        let soups = self.stages.iter().chain([self]).filter_map(|recipe| recipe.soup.as_ref());
        soups.flat_map(|soup| &soup.matched)
    }

    /// The checkpoints that `sources` chose and their weights; a weight is `None` where the method has none, where it differs from
    /// tensor to tensor, and for the base. Empty without `sources`.
    pub fn weighed(&self) -> Vec<(&ModelRef, Option<f64>)> {
        if self.soup.is_none() {
            return Vec::new();
        }
        let sources = self.slices.iter().flat_map(|slice| &slice.sources);
        let scalar = |value: &SettingValue| match value {
            SettingValue::Scalar(Value::Number(weight)) => Some(*weight),
            _ => None,
        };
        let base = self.base_model.as_ref().filter(|_| self.method.base.is_apart());
        sources
            .map(|source| {
                let setting = source.parameters.get("weight").or_else(|| self.parameters.get("weight"));
                let setting = setting.filter(|_| base != Some(&source.model));
                (&source.model, setting.and_then(|setting| scalar(&setting.value)))
            })
            .collect()
    }
}
