//! Tied tensors, which a model stores twice: token embeddings under the names of the encoder and of the whole model, or a
//! head that is the token embeddings. They are merged like the tensor that they copy, so that they stay copies.

use std::collections::BTreeMap;

use super::super::types::{PlannedTensor, Stage};
use super::super::vocabulary::{TIED_BIASES, is_head, is_table};
use super::collector::Collector;
use crate::checkpoint::{Tensor, Weights, layer_of};

/// The table of tokens that encoder and decoder share.
const SHARED: &str = "shared.weight";

/// Why two tensors are tied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tie {
    /// The class, whatever its configuration says.
    Class,
    /// A head, where the configuration ties it.
    Head,
}

impl Collector<'_> {
    /// The tensors of the module that are copies in every model that has them, each with the tensor that it copies.
    pub(super) fn find_tied_tensors(&self) -> BTreeMap<String, String> {
        let Some(donor) = self.weights(self.donor) else { return BTreeMap::new() };
        let outside = |tensor: &&Tensor| layer_of(&tensor.canonical).is_none();
        let tables = || donor.tensors().iter().filter(outside).filter(|tensor| is_table(&tensor.canonical));
        // Encoders and decoders have copies of what they share.
        let table = tables().find(|tensor| tensor.canonical == SHARED).or_else(|| tables().next());
        let mut copies = BTreeMap::new();
        let models = 0..self.models.checkpoints.len();
        for tensor in models.filter_map(|model| self.weights(model)).flat_map(Weights::tensors).filter(outside) {
            let name = tensor.canonical.as_str();
            let bias = TIED_BIASES.iter().find(|(copy, _)| *copy == name).and_then(|(_, original)| donor.get(original));
            let (original, tie) = match (bias, table) {
                (Some(bias), _) => (bias, Tie::Class),
                (None, Some(table)) if is_table(name) => (table, Tie::Class),
                (None, Some(table)) if is_head(name) => (table, Tie::Head),
                _ => continue,
            };
            let is_known = copies.contains_key(name) || name == original.canonical;
            if !is_known && tensor.shape == original.shape && self.are_copies(name, &original.canonical, tie) {
                copies.insert(name.to_owned(), original.canonical.clone());
            }
        }
        copies
    }

    /// Whether a tensor is a copy of another one in every model of the recipe.
    fn are_copies(&self, copy: &str, original: &str, tie: Tie) -> bool {
        (0..self.models.checkpoints.len()).all(|model| {
            let ties = || self.models.checkpoints[model].settings().architecture.ties_head;
            let Some(weights) = self.weights(model) else { return true };
            (tie == Tie::Class || ties()) && self.is_copy(model, weights, copy, original)
        })
    }

    fn is_copy(&self, model: usize, weights: &Weights, copy: &str, original: &str) -> bool {
        let (Some(one), Some(other)) = (weights.get(copy), weights.get(original)) else {
            // A file need not contain the copy.
            return weights.get(copy).is_none() && weights.get(original).is_some();
        };
        if one.dtype != other.dtype || one.shape != other.shape {
            return false;
        }
        if let Some(stage) = self.stages.get(model).and_then(Option::as_deref) {
            return is_planned_copy(stage, &self.module, copy, original);
        }
        let changed = |name: &str| {
            let adapted = self.models.adapters.get(model)?.as_ref()?;
            let place = weights.tensors().iter().position(|tensor| tensor.canonical == name)?;
            adapted.change(self.modules.get(model).copied()??, place)
        };
        // An adapter's change of the original applies to its copy; a change of the copy alone would be lost.
        (changed(copy).is_none() || changed(original).is_some()) && weights.bytes(one) == weights.bytes(other)
    }

    /// Plans the donor's tied copies like the tensors that they copy.
    pub(super) fn plan_tied_tensors(&mut self) {
        let Some(donor) = self.weights(self.donor) else { return };
        for (copy, original) in std::mem::take(&mut self.tied) {
            if donor.get(&copy).is_none() {
                continue;
            }
            let is_original = |tensor: &&PlannedTensor| tensor.module == self.module && tensor.canonical == original;
            let Some(planned) = self.tensors.iter().find(is_original) else { continue };
            let name = donor.respell(&copy);
            let planned = PlannedTensor { name, canonical: copy, copy_of: Some(original), ..planned.clone() };
            self.tensors.push(planned);
        }
    }
}

/// Whether another document's merge plans a tensor as a copy.
fn is_planned_copy(stage: &Stage, module: &str, copy: &str, original: &str) -> bool {
    let found = stage.plan.tensors.iter().find(|tensor| tensor.module == module && tensor.canonical == copy);
    found.is_some_and(|tensor| tensor.copy_of.as_deref() == Some(original))
}
