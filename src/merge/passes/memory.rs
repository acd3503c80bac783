//! Estimates the memory of the passes.

use super::rank;
use crate::kernel::DType;
use crate::merge::statistic::effort;
use crate::method::Formula;
use crate::plan::{PlannedTensor, TensorOp};

/// Estimates how much memory the passes over tensors that are searched together need.
pub(in crate::merge) fn memory(tensors: &[PlannedTensor], threads: u64) -> u64 {
    let (mut most_searches, mut held) = (0, 0);
    for tensor in tensors {
        let TensorOp::Merge { method, compute_dtype, .. } = &tensor.op else { continue };
        // Scores that are computed from several models are float64.
        let is_computed = matches!(method.formula, Formula::Joint(_) | Formula::Pairwise(_));
        let score = if is_computed { DType::F64 } else { *compute_dtype };
        let searches = effort(tensor).searches;
        most_searches = most_searches.max(searches);
        held += searches * rank::memory(tensor.elements, score.size() as u64);
    }
    held + most_searches * rank::counter_memory(threads)
}
