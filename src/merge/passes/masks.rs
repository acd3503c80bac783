//! Finds the masks of task vectors: thresholds, random draws, and the factors that compensate for dropped elements.

use super::norms::restore_norms;
use super::rank::{Differences, Query, Rank, find_thresholds};
use crate::kernel::Real;
use crate::merge::Error;
use crate::merge::context::Context;
use crate::merge::statistic::{Mask, RandomMask};
use crate::merge::workers::Workers;
use crate::method::{MaskedSum, Sparsification};

/// Finds the masks of masked sums, given by index and terms.
pub(super) fn find_masks<T: Real>(
    context: Context<'_>,
    tensors: &[(usize, MaskedSum)],
    workers: &Workers<'_>,
) -> Result<Vec<Vec<Mask>>, Error> {
    let mut queries: Vec<(u64, Vec<Query>)> = Vec::new();
    for (index, terms) in tensors {
        let n = context.tensor(*index).elements;
        let of_model = |(sequence, sparsification): (usize, &Sparsification)| {
            let (skip, count) = sparsification.window(n);
            // Nothing is kept, so the upper bound does not matter.
            let ranks = if count == 0 { [0, 0] } else { [skip + count, skip] };
            ranks.map(|rank| Query { sequence, rank: Rank::Largest(rank) })
        };
        queries.push((n, terms.sparsifications.iter().enumerate().flat_map(of_model).collect()));
    }
    let differences = Differences { context, tensors: tensors.iter().map(|(index, _)| *index).collect() };
    let thresholds = find_thresholds::<T>(&differences, &queries, context.options, workers)?;
    let mut masks: Vec<Vec<Mask>> = Vec::new();
    for ((index, terms), thresholds) in tensors.iter().zip(thresholds) {
        let random = |(model, sparsification): (usize, &Sparsification)| {
            RandomMask::new(*sparsification, context.plan.seed, context.tensor(*index), model)
        };
        let pairs = thresholds.chunks_exact(2).zip(terms.sparsifications.iter().enumerate().map(random));
        masks.push(pairs.map(|(pair, random)| Mask { low: pair[0], high: pair[1], random, rescale: 1.0 }).collect());
    }
    restore_norms::<T>(context, tensors, &mut masks, workers)?;
    Ok(masks)
}
