//! `sources`: a soup of many checkpoints of a run.

use super::model_ref::ModelRef;
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
