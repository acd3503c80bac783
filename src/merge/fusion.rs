//! What `arcee_fusion` needs to know of a whole tensor: how far each row moved, and which importance is an outlier.

use std::marker::PhantomData;

use super::Error;
use super::lines::{row_of, rows_per_tile};
use super::made::Running;
use super::scores::{Computed, Kind};
use super::scratch::{finish_all, views};
use super::span::{Span, Workers};
use super::threshold::{Query, Rank, search};
use crate::kernel::{Real, row_divergence};

/// How two tensors are fused.
#[derive(Clone, Debug)]
pub(super) struct Fusion {
    /// The divergence of each row.
    pub(super) divergences: Vec<f64>,
    /// The importance from which on an element is taken over.
    pub(super) threshold: f64,
}

/// The fusion of some tensors, by index.
pub(super) fn fusions<T: Real>(
    plan: Running<'_>,
    tensors: &[usize],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Fusion)>, Error> {
    let options = &workers.options;
    let spans: Vec<(usize, Span)> = tensors
        .iter()
        .enumerate()
        .flat_map(|(at, index)| {
            let tensor = &plan.tensors[*index];
            let length = rows_per_tile(options.tile(), row_of(tensor));
            Span::cut(*index, tensor.elements as usize, length).map(move |span| (at, span))
        })
        .collect();
    let partial = workers.map(&spans, |scratch, (_, span)| {
        let tensor = &plan.tensors[span.tensor];
        let inputs = tensor.op.inputs();
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let values: Vec<&[T]> = views(plan, inputs, &span.range, buffers, options)?;
        let mut found = Vec::new();
        if let [base, x] = values[..] {
            let mut room = [Vec::new(), Vec::new()];
            let row = row_of(tensor);
            let rows = base.chunks(row).zip(x.chunks(row));
            found.extend(rows.map(|(base, x)| row_divergence(options.level, base, x, &mut room)));
        }
        finish_all(&plan, inputs, &span.range, options);
        Ok(found)
    })?;
    let mut divergences: Vec<Vec<f64>> = vec![Vec::new(); tensors.len()];
    for ((at, _), found) in spans.iter().zip(partial) {
        divergences[*at].extend(found);
    }

    let queries: Vec<(u64, Vec<Query>)> =
        tensors.iter().map(|index| quartiles(plan.tensors[*index].elements)).collect();
    let kinds = tensors.iter().zip(&divergences).map(|(index, found)| (*index, Kind::Importance(found))).collect();
    let scores = Computed::<T> { plan, options, tensors: kinds, of: PhantomData };
    let thresholds: Vec<f64> = search::<f64>(&scores, &queries, workers)?
        .iter()
        .map(|found| match found[..] {
            [first, median, third] => {
                let [first, median, third] = [first, median, third].map(|found| f64::from_bits(found.bits));
                median + 1.5 * (third - first)
            }
            _ => f64::INFINITY,
        })
        .collect();
    let all = divergences.into_iter().zip(thresholds);
    Ok(tensors
        .iter()
        .zip(all)
        .map(|(index, (divergences, threshold))| (*index, Fusion { divergences, threshold }))
        .collect())
}

/// The first quartile, the median and the third quartile of `n` elements: those at `⌊q·(n − 1)⌋` of the sorted ones.
fn quartiles(n: u64) -> (u64, Vec<Query>) {
    let last = n.saturating_sub(1);
    let at = |quarters: u64| last / 4 * quarters + last % 4 * quarters / 4;
    let query = |quarters| Query { sequence: 0, rank: Rank::Value(n - at(quarters)) };
    (n, if n == 0 { Vec::new() } else { [1, 2, 3].map(query).to_vec() })
}
