//! Finds the weights and the selection of a consensus.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::rank::{Computed, Query, Rank, Score, find_thresholds};
use crate::kernel::{Real, energies};
use crate::merge::Error;
use crate::merge::buffers::Scratch;
use crate::merge::context::Context;
use crate::merge::read::{finish_inputs, load_inputs};
use crate::merge::span::Span;
use crate::merge::statistic::{Consensus, Threshold, consensus_tile, select_by_variance};
use crate::merge::workers::Workers;

/// With a smaller sum of mean squares all models have the same weight, as in mergekit.
const SMALLEST_ENERGY: f64 = 1e-6;

/// Finds the consensus of some tensors, given by index and share of elements to keep.
pub(super) fn find_consensus<T: Real>(
    context: Context<'_>,
    tensors: &[(usize, f64)],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Consensus)>, Error> {
    let options = context.options;
    let selected = find_selections::<T>(context, tensors, workers)?;
    let spans: Vec<Span> = tensors
        .iter()
        .flat_map(|(index, _)| {
            let tile = consensus_tile(selected.get(index), options.tile());
            Span::cut(*index, context.tensor(*index).elements as usize, tile)
        })
        .collect();
    let partial = workers.map(&spans, |scratch, span| {
        let inputs = context.inputs(span.tensor);
        let Scratch { inputs: buffers, scores, masks, .. } = scratch.with_inputs(inputs.len());
        let values: Vec<&[T]> = load_inputs(context, inputs, &span.range, buffers)?;
        let stays = selected
            .get(&span.tensor)
            .map(|threshold| select_by_variance(options.level, *threshold, span.range.start, &values, scores, masks));
        let mut blocks = Vec::new();
        if let Some((base, models)) = values.split_first() {
            energies(options.level, base, models, stays, &mut blocks);
        }
        finish_inputs(context.plan, inputs, &span.range, options);
        Ok(blocks)
    })?;
    let mut sums: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (span, blocks) in spans.iter().zip(&partial) {
        let models = context.inputs(span.tensor).len() - 1;
        let sums = sums.entry(span.tensor).or_insert_with(|| vec![0.0; models]);
        for block in blocks.chunks_exact(models) {
            for (sum, square) in sums.iter_mut().zip(block) {
                *sum += square;
            }
        }
    }
    let of_tensor = |(index, sums): (usize, Vec<f64>)| {
        let (weights, uniform) = weights(&sums, context.tensor(index).elements);
        (index, Consensus { weights, uniform, selected: selected.get(&index).copied() })
    };
    Ok(sums.into_iter().map(of_tensor).collect())
}

/// Finds the variances that elements must reach, for tensors of which not all elements are kept.
fn find_selections<T: Real>(
    context: Context<'_>,
    tensors: &[(usize, f64)],
    workers: &Workers<'_>,
) -> Result<BTreeMap<usize, Threshold>, Error> {
    let chosen: Vec<(usize, f64)> = tensors.iter().copied().filter(|(_, share)| *share < 1.0).collect();
    let queries: Vec<(u64, Vec<Query>)> = chosen
        .iter()
        .map(|(index, share)| {
            (context.tensor(*index).elements, vec![Query { sequence: 0, rank: Rank::OfNonzero(*share) }])
        })
        .collect();
    let variances = chosen.iter().map(|(index, _)| (*index, Score::Variance)).collect();
    let scores = Computed::<T> { context, tensors: variances, of: PhantomData };
    let thresholds = find_thresholds::<f64>(&scores, &queries, context.options, workers)?;
    Ok(chosen.iter().zip(thresholds).filter_map(|((index, _), found)| Some((*index, *found.first()?))).collect())
}

/// The weights of the models from the sums of their task vectors' squares, and whether all are the same.
fn weights(sums: &[f64], elements: u64) -> (Vec<f64>, bool) {
    let n = elements.max(1) as f64;
    let means: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
    let total: f64 = means.iter().sum();
    let uniform = total.abs() < SMALLEST_ENERGY;
    let weight = |mean: &f64| if uniform { 1.0 / means.len() as f64 } else { mean / total };
    (means.iter().map(weight).collect(), uniform)
}
