//! What methods that look at all task vectors together need to know of whole tensors.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::Error;
use super::made::Running;
use super::scores::{Computed, Kind};
use super::scratch::{Scratch, finish_all, numbers, views};
use super::span::{Span, Workers};
use super::threshold::{Query, Rank, Threshold, search};
use crate::kernel::{BLOCK, Real, energies, overlap_counts, select};
use crate::method::Joint;

/// How a consensus is made.
#[derive(Clone, Debug)]
pub(super) struct Consensus {
    /// One a model.
    pub(super) weights: Vec<f64>,
    /// Whether the task vectors are so small that all weights are the same.
    pub(super) uniform: bool,
    /// The variance that an element must reach; `None` where all stay.
    pub(super) selected: Option<Threshold>,
}

/// A smaller sum of mean squares gives all models the same weight (mergekit's floor).
const SMALLEST_ENERGY: f64 = 1e-6;

/// The consensus of some tensors: index and share of elements that stay.
pub(super) fn consensus<T: Real>(
    plan: Running<'_>,
    tensors: &[(usize, f64)],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Consensus)>, Error> {
    let options = &workers.options;
    let chosen: Vec<(usize, f64)> = tensors.iter().copied().filter(|(_, share)| *share < 1.0).collect();
    let queries: Vec<(u64, Vec<Query>)> = chosen
        .iter()
        .map(|(index, share)| {
            (plan.tensors[*index].elements, vec![Query { sequence: 0, rank: Rank::OfNonzero(*share) }])
        })
        .collect();
    let kinds = chosen.iter().map(|(index, _)| (*index, Kind::Variance)).collect();
    let scores = Computed::<T> { plan, options, tensors: kinds, of: PhantomData };
    let thresholds = search::<f64>(&scores, &queries, workers)?;
    let selected: BTreeMap<usize, Threshold> =
        chosen.iter().zip(thresholds).filter_map(|((index, _), found)| Some((*index, *found.first()?))).collect();

    let spans: Vec<Span> = tensors
        .iter()
        .flat_map(|(index, _)| {
            let tile = tile(selected.get(index), options.tile());
            Span::cut(*index, plan.tensors[*index].elements as usize, tile)
        })
        .collect();
    let partial = workers.map(&spans, |scratch, span| {
        let inputs = plan.tensors[span.tensor].op.inputs();
        let Scratch { inputs: buffers, scores, masks, .. } = scratch.with_inputs(inputs.len());
        let values: Vec<&[T]> = views(plan, inputs, &span.range, buffers, options)?;
        let stays =
            selected.get(&span.tensor).map(|threshold| reached(*threshold, options, span, &values, scores, masks));
        let mut blocks = Vec::new();
        if let Some((base, models)) = values.split_first() {
            energies(options.level, base, models, stays, &mut blocks);
        }
        finish_all(&plan, inputs, &span.range, options);
        Ok(blocks)
    })?;
    let mut sums: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (span, blocks) in spans.iter().zip(&partial) {
        let models = plan.tensors[span.tensor].op.inputs().len() - 1;
        let sums = sums.entry(span.tensor).or_insert_with(|| vec![0.0; models]);
        for block in blocks.chunks_exact(models) {
            for (sum, square) in sums.iter_mut().zip(block) {
                *sum += square;
            }
        }
    }
    let of_tensor = |(index, sums): (usize, Vec<f64>)| {
        let n = plan.tensors[index].elements.max(1) as f64;
        let means: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
        let total: f64 = means.iter().sum();
        let uniform = total.abs() < SMALLEST_ENERGY;
        let weight = |mean: &f64| if uniform { 1.0 / means.len() as f64 } else { mean / total };
        let weights = means.iter().map(weight).collect();
        (index, Consensus { weights, uniform, selected: selected.get(&index).copied() })
    };
    Ok(sums.into_iter().map(of_tensor).collect())
}

/// Elements of a tile, where one has `tile` elements otherwise: with variances it is to stay in the second-level cache.
pub(super) fn tile(selected: Option<&Threshold>, tile: usize) -> usize {
    if selected.is_some() { tile.min(BLOCK) } else { tile }
}

/// The elements of a tile whose variance reaches the threshold.
pub(super) fn reached<'a, T: Real>(
    threshold: Threshold,
    options: &super::Options<'_>,
    span: &Span,
    values: &[&[T]],
    scores: &mut Vec<u64>,
    masks: &'a mut Vec<u64>,
) -> &'a [u8] {
    let n = span.range.len();
    let scores: &mut [f64] = numbers(scores, n);
    Kind::Variance.fill(options, 1, &span.range, values, scores);
    let stays: &mut [u8] = numbers(masks, n);
    select(options.level, scores, threshold.bits, (threshold.cut as usize).saturating_sub(span.range.start), stays);
    stays
}

/// The factors of elements that one model alone changed, for some tensors: index and settings.
pub(super) fn factors<T: Real>(
    plan: Running<'_>,
    tensors: &[(usize, Joint)],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Vec<f64>)>, Error> {
    let options = &workers.options;
    let spans: Vec<(usize, Span)> = tensors
        .iter()
        .enumerate()
        .flat_map(|(at, (index, _))| {
            Span::cut(*index, plan.tensors[*index].elements as usize, options.tile()).map(move |span| (at, span))
        })
        .collect();
    let partial = workers.map(&spans, |scratch, (at, span)| {
        let inputs = plan.tensors[span.tensor].op.inputs();
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let values: Vec<&[T]> = views(plan, inputs, &span.range, buffers, options)?;
        let mut counts = vec![[0; 2]; inputs.len().saturating_sub(1)];
        if let (Some((base, models)), Joint::Overlap { epsilon, .. }) = (values.split_first(), tensors[*at].1) {
            overlap_counts(options.level, base, models, T::of(epsilon), &mut counts);
        }
        finish_all(&plan, inputs, &span.range, options);
        Ok(counts)
    })?;
    let mut sums: Vec<Vec<[u64; 2]>> = vec![Vec::new(); tensors.len()];
    for ((at, _), counts) in spans.iter().zip(&partial) {
        sums[*at].resize(counts.len(), [0; 2]);
        for (sum, count) in sums[*at].iter_mut().zip(counts) {
            sum[0] += count[0];
            sum[1] += count[1];
        }
    }
    let of_tensor = |((index, joint), sums): (&(usize, Joint), Vec<[u64; 2]>)| {
        let factor = |[shared, alone]: &[u64; 2]| match joint {
            Joint::Overlap { epsilon, rate, ceiling } => {
                let ratio = *shared as f64 / (*alone as f64).max(*epsilon);
                // Nothing shared and nothing alone, with an epsilon of 0.
                let ratio = if ratio.is_nan() { 0.0 } else { ratio };
                1.0 + rate * ratio.clamp(0.0, *ceiling)
            }
            Joint::Consensus { .. } => 1.0,
        };
        (*index, sums.iter().map(factor).collect())
    };
    Ok(tensors.iter().zip(sums).map(of_tensor).collect())
}
