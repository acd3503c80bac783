//! How task vectors are brought to a consensus.

use super::Threshold;
use crate::kernel::{BLOCK, Real, SimdLevel, select, variance};
use crate::merge::buffers::numbers;

/// How task vectors are brought to a consensus.
#[derive(Clone, Debug)]
pub(in crate::merge) struct Consensus {
    /// One weight for each model.
    pub(in crate::merge) weights: Vec<f64>,
    /// Whether the task vectors are so small that all weights are the same.
    pub(in crate::merge) uniform: bool,
    /// The variance that an element must reach; `None` where all elements are kept.
    pub(in crate::merge) selected: Option<Threshold>,
}

/// Number of elements of a tile, where other methods have `tile` elements. Variances take space in the second-level cache.
pub(in crate::merge) fn consensus_tile(selected: Option<&Threshold>, tile: usize) -> usize {
    if selected.is_some() { tile.min(BLOCK) } else { tile }
}

/// Selects the elements of a tile, which begins at element `start`, whose variance reaches the threshold.
pub(in crate::merge) fn select_by_variance<'a, T: Real>(
    level: SimdLevel,
    threshold: Threshold,
    start: usize,
    values: &[&[T]],
    scores: &mut Vec<u64>,
    masks: &'a mut Vec<u64>,
) -> &'a [u8] {
    let n = values.first().map_or(0, |base| base.len());
    let scores: &mut [f64] = numbers(scores, n);
    if let [base, models @ ..] = values {
        variance(level, base, models, scores);
    }
    let stays: &mut [u8] = numbers(masks, n);
    select(level, scores, threshold.bits, (threshold.cut as usize).saturating_sub(start), stays);
    stays
}
