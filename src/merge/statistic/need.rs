//! Which statistic a tensor needs, and how much work it takes to compute.

use crate::merge::rows::row_length;
use crate::method::{Along, Arguments, Combination, Formula, Joint, Pairwise, Sparsification, Vectors};
use crate::plan::{Input, PlannedTensor, TensorOp};

/// Whether a combination sums task vectors: differences from its first input.
pub(in crate::merge) fn sums_task_vectors(combination: &Combination, inputs: &[Input], arguments: &Arguments) -> bool {
    combination.of == Vectors::TaskVectors && inputs.len() > arguments.models.len()
}

/// Which parts of a tensor a combination needs the dot products of. A single row or column is the whole tensor.
pub(in crate::merge) fn dots_along(
    tensor: &PlannedTensor,
    combination: &Combination,
    arguments: &Arguments,
) -> Option<Along> {
    let elements = tensor.elements as usize;
    let columns = elements / tensor.shape.first().copied().unwrap_or(1).max(1);
    combination.dots.along(arguments).map(|along| match along {
        Along::Rows if row_length(tensor) < elements => Along::Rows,
        Along::Columns if tensor.shape.len() > 1 && columns > 1 => Along::Columns,
        _ => Along::Whole,
    })
}

/// The work that it takes to compute a statistic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::merge) struct Effort {
    /// Passes over the inputs, as long as the searches guess right.
    pub(in crate::merge) passes: u64,
    /// Searches for a threshold among the tensor's elements.
    pub(in crate::merge) searches: u64,
}

/// Estimates the work that it takes to compute the statistic of a tensor.
pub(in crate::merge) fn effort(tensor: &PlannedTensor) -> Effort {
    let TensorOp::Merge { method, arguments, .. } = &tensor.op else { return Effort::default() };
    match &method.formula {
        Formula::Combination(combination) => {
            // The dot products of rows are computed when the rows are merged.
            let is_pass = dots_along(tensor, combination, arguments).is_some_and(|along| along != Along::Rows);
            Effort { passes: u64::from(is_pass), searches: 0 }
        }
        Formula::MaskedSum(terms) => {
            let terms = terms(arguments);
            let searches = terms.sparsifications.iter().map(|sparsification| match sparsification {
                Sparsification::Largest { .. } => 1,
                Sparsification::Middle { .. } => 2,
                Sparsification::All | Sparsification::Random { .. } | Sparsification::RandomByRank { .. } => 0,
            });
            let searches = searches.sum();
            let is_whole = terms.sparsifications.iter().all(|one| *one == Sparsification::All);
            Effort { passes: u64::from(searches > 0) + u64::from(terms.rescale && !is_whole), searches }
        }
        Formula::Joint(joint) => match joint(arguments) {
            Joint::Overlap { rate, .. } => Effort { passes: u64::from(rate != 0.0), searches: 0 },
            Joint::Consensus { share } if share < 1.0 => Effort { passes: 2, searches: 1 },
            Joint::Consensus { .. } => Effort { passes: 1, searches: 0 },
        },
        // Matrices are read one after another when they are merged.
        Formula::Matrices(_) | Formula::Regression(_) => Effort::default(),
        Formula::Pairwise(pairwise) => match pairwise(arguments) {
            Pairwise::Swap { .. } => Effort::default(),
            Pairwise::Fuse => Effort { passes: 2, searches: 3 },
        },
    }
}
