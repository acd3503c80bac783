//! Finds what a model without a head of its own uses as its head.

use super::super::types::Input;
use super::super::vocabulary::{TIED_BIASES, is_tied_head, table, ties_embeddings};
use super::collector::Collector;
use crate::checkpoint::Tensor;

impl<'a> Collector<'a> {
    /// The tensor that a model uses in place of a head tensor that it lacks: its token embeddings, or the same bias under
    /// its other name.
    pub(super) fn tied_input(&mut self, model: usize, canonical: &str) -> Option<(Input, &'a Tensor)> {
        if let Some((_, other)) = TIED_BIASES.iter().find(|(name, _)| *name == canonical) {
            return self.find(model, other);
        }
        let unties = ties_embeddings(&self.models.checkpoints[model]) == Some(false);
        if !is_tied_head(canonical) || unties {
            return None;
        }
        let weights = self.weights(model)?;
        let tensor = table(weights.tensors())?;
        let input = Input { model, module: self.modules[model]?, tensor, gathered: None };
        let path = &self.models.paths[model];
        self.warnings
            .push(format!("`{path}` has no `{canonical}` and lends its token embeddings, which it uses as its head"));
        Some((input, weights.tensors().get(tensor)?))
    }
}
