//! Finds the factors that restore the L1 norm of masked task vectors.

use std::collections::BTreeMap;

use crate::kernel::{Band, Real, SimdLevel, absolute_sums};
use crate::merge::Error;
use crate::merge::buffers::numbers;
use crate::merge::context::Context;
use crate::merge::read::{finish_inputs, load_inputs};
use crate::merge::rows::{group_length, tile_of_rows};
use crate::merge::span::Span;
use crate::merge::statistic::{Mask, Threshold, row_of_masks};
use crate::merge::workers::Workers;
use crate::method::MaskedSum;

/// Smaller norms are not restored, as in mergekit.
const SMALLEST_NORM: f64 = 1e-7;

/// Sets the factors of masks so that they restore the task vectors' norms, if the method asks for it.
pub(super) fn restore_norms<T: Real>(
    context: Context<'_>,
    tensors: &[(usize, MaskedSum)],
    masks: &mut [Vec<Mask>],
    workers: &Workers<'_>,
) -> Result<(), Error> {
    let options = context.options;
    let mut spans: Vec<(usize, Span)> = Vec::new();
    for (at, (index, terms)) in tensors.iter().enumerate() {
        let n = context.tensor(*index).elements;
        if terms.rescale && masks[at].iter().any(|mask| mask.drops(n)) {
            let length = row_of_masks(&masks[at]).map_or(options.tile(), |row| tile_of_rows(options.tile(), row));
            spans.extend(Span::cut(*index, n as usize, length).map(|span| (at, span)));
        }
    }
    let partial = workers.map(&spans, |scratch, (at, span)| {
        let inputs = context.inputs(span.tensor);
        let scratch = scratch.with_inputs(inputs.len());
        let values: Vec<&[T]> = load_inputs(context, inputs, &span.range, &mut scratch.inputs)?;
        let mut sums = Vec::new();
        if let Some((base, models)) = values.split_first() {
            let row = row_of_masks(&masks[*at]);
            for (x, mask) in models.iter().zip(&masks[*at]) {
                let drawn = mask.random.map(|random| {
                    let out = numbers::<u8>(&mut scratch.masks, x.len());
                    random.fill(options.level, span.range.start, base, x, &mut scratch.draws, out);
                    &*out
                });
                sums.push(norms(options.level, row, mask, span.range.start, base, x, drawn));
            }
        }
        finish_inputs(context.plan, inputs, &span.range, options);
        Ok(sums)
    })?;
    let mut norms: BTreeMap<(usize, usize), [f64; 2]> = BTreeMap::new();
    for ((at, _), models) in spans.iter().zip(&partial) {
        for (model, blocks) in models.iter().enumerate() {
            let norm = norms.entry((*at, model)).or_default();
            for block in blocks {
                norm[0] += block[0];
                norm[1] += block[1];
            }
        }
    }
    for ((at, model), [before, after]) in norms {
        if before >= SMALLEST_NORM && after >= SMALLEST_NORM {
            masks[at][model].rescale = before / after;
        }
    }
    Ok(())
}

/// Sums up the magnitudes of a tile before and after the mask, in blocks that do not depend on the tile.
fn norms<T: Real>(
    level: SimdLevel,
    row: Option<usize>,
    mask: &Mask,
    start: usize,
    base: &[T],
    x: &[T],
    drawn: Option<&[u8]>,
) -> Vec<[f64; 2]> {
    let group = row.map_or(x.len(), group_length).max(1);
    let mut blocks = Vec::new();
    for (index, (x, base)) in x.chunks(group).zip(base.chunks(group)).enumerate() {
        let offset = index * group;
        let cut = |threshold: Threshold| (threshold.cut as usize).saturating_sub(start + offset);
        let band = Band {
            low: T::bits(mask.low.bits),
            low_cut: cut(mask.low),
            high: T::bits(mask.high.bits),
            high_cut: cut(mask.high),
        };
        let drawn = drawn.map(|drawn| &drawn[offset..offset + x.len()]);
        absolute_sums(level, base, x, band, drawn, &mut blocks);
    }
    blocks
}
