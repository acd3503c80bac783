//! Finds the statistics of `arcee_fusion`: the divergence of each row, and the importance above which elements are
//! outliers.

use std::marker::PhantomData;

use super::rank::{Computed, Query, Rank, Score, find_thresholds};
use crate::kernel::{Real, row_divergence};
use crate::merge::Error;
use crate::merge::context::Context;
use crate::merge::read::{finish_inputs, load_inputs};
use crate::merge::rows::{row_length, tile_of_rows};
use crate::merge::span::Span;
use crate::merge::statistic::{Fusion, Threshold};
use crate::merge::workers::Workers;

/// Finds the fusions of some tensors, by index.
pub(super) fn find_fusions<T: Real>(
    context: Context<'_>,
    tensors: &[usize],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Fusion)>, Error> {
    let divergences = find_divergences::<T>(context, tensors, workers)?;
    let queries: Vec<(u64, Vec<Query>)> =
        tensors.iter().map(|index| quartiles(context.tensor(*index).elements)).collect();
    let importances =
        tensors.iter().zip(&divergences).map(|(index, found)| (*index, Score::Importance(found))).collect();
    let scores = Computed::<T> { context, tensors: importances, of: PhantomData };
    let found = find_thresholds::<f64>(&scores, &queries, context.options, workers)?;
    let fusions = divergences
        .into_iter()
        .zip(&found)
        .map(|(divergences, quartiles)| Fusion { divergences, threshold: outlier(quartiles) });
    Ok(tensors.iter().copied().zip(fusions).collect())
}

/// Finds the divergences of the rows of some tensors.
fn find_divergences<T: Real>(
    context: Context<'_>,
    tensors: &[usize],
    workers: &Workers<'_>,
) -> Result<Vec<Vec<f64>>, Error> {
    let options = context.options;
    let spans: Vec<(usize, Span)> = tensors
        .iter()
        .enumerate()
        .flat_map(|(at, index)| {
            let tensor = context.tensor(*index);
            let length = tile_of_rows(options.tile(), row_length(tensor));
            Span::cut(*index, tensor.elements as usize, length).map(move |span| (at, span))
        })
        .collect();
    let partial = workers.map(&spans, |scratch, (_, span)| {
        let inputs = context.inputs(span.tensor);
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let values: Vec<&[T]> = load_inputs(context, inputs, &span.range, buffers)?;
        let mut found = Vec::new();
        if let [base, x] = values[..] {
            let mut buffers = [Vec::new(), Vec::new()];
            let row = row_length(context.tensor(span.tensor));
            let rows = base.chunks(row).zip(x.chunks(row));
            found.extend(rows.map(|(base, x)| row_divergence(options.level, base, x, &mut buffers)));
        }
        finish_inputs(context.plan, inputs, &span.range, options);
        Ok(found)
    })?;
    let mut divergences: Vec<Vec<f64>> = vec![Vec::new(); tensors.len()];
    for ((at, _), found) in spans.iter().zip(partial) {
        divergences[*at].extend(found);
    }
    Ok(divergences)
}

/// The importance above which an element is an outlier: the median plus 1.5 times the interquartile range.
fn outlier(quartiles: &[Threshold]) -> f64 {
    match quartiles {
        [first, median, third] => {
            let [first, median, third] = [first, median, third].map(|found| f64::from_bits(found.bits));
            median + 1.5 * (third - first)
        }
        _ => f64::INFINITY,
    }
}

/// The queries for the first quartile, the median and the third quartile of `n` elements: those at `⌊q·(n − 1)⌋` in
/// ascending order.
fn quartiles(n: u64) -> (u64, Vec<Query>) {
    let last = n.saturating_sub(1);
    let at = |quarters: u64| last / 4 * quarters + last % 4 * quarters / 4;
    let query = |quarters| Query { sequence: 0, rank: Rank::Value(n - at(quarters)) };
    (n, if n == 0 { Vec::new() } else { [1, 2, 3].map(query).to_vec() })
}
