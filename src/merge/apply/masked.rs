//! Masked sums of task vectors.

use std::ops::Range;

use crate::kernel::{MaskTerm, MaskedTerms, Real, SimdLevel, masked_sum};
use crate::merge::buffers::numbers;
use crate::merge::rows::place_in;
use crate::merge::statistic::{Mask, Threshold};
use crate::method::MaskedSum;

/// Draws the random masks of a tile that begins at element `start`, for the models that have one.
pub(super) fn draw_masks<'a, T: Real>(
    level: SimdLevel,
    start: usize,
    masks: &[Mask],
    base: &[T],
    models: &[&[T]],
    buffer: &'a mut Vec<u64>,
    draws: &mut Vec<u64>,
) -> Vec<Option<&'a [u8]>> {
    let mut free = numbers::<u8>(buffer, masks.len() * base.len());
    let mut drawn = Vec::new();
    for (mask, x) in masks.iter().zip(models) {
        drawn.push(mask.random.map(|random| {
            let (out, rest) = std::mem::take(&mut free).split_at_mut(base.len());
            free = rest;
            random.fill(level, start, base, x, draws, out);
            &*out
        }));
    }
    drawn
}

/// Computes the masked sum of the elements `range`. Returns whether every sum was finite.
#[expect(clippy::too_many_arguments, reason = "a tile, what is known of it, and its place")]
pub(super) fn sum_masked<T: Real>(
    level: SimdLevel,
    range: &Range<usize>,
    terms: &MaskedSum,
    masks: &[Mask],
    drawn: &[Option<&[u8]>],
    base: &[T],
    models: &[&[T]],
    out: &mut [T],
) -> bool {
    let mut sound = true;
    for part in segments(range, masks) {
        let here = place_in(range, &part);
        let models: Vec<&[T]> = models.iter().map(|x| &x[here.clone()]).collect();
        let drawn = drawn.iter().map(|drawn| drawn.map(|drawn| &drawn[here.clone()]));
        let kept: Vec<MaskTerm<'_, T>> = terms
            .weights
            .iter()
            .zip(masks)
            .zip(drawn)
            .map(|((weight, mask), drawn)| MaskTerm {
                weight: T::of(*weight),
                low: first_above::<T>(mask.low, part.start),
                high: first_above::<T>(mask.high, part.start),
                drawn,
                rescale: T::of(mask.rescale),
            })
            .collect();
        let how =
            MaskedTerms { terms: &kept, elect: terms.elect, normalize: terms.normalize, lambda: T::of(terms.lambda) };
        sound &= masked_sum(level, &base[here.clone()], &models, how, &mut out[here]);
    }
    sound
}

/// The smallest bits that reach a threshold from position `start` on, up to its cut.
fn first_above<T: Real>(threshold: Threshold, start: usize) -> T::Bits {
    T::bits(threshold.bits + u64::from(start as u64 >= threshold.cut))
}

/// Cuts a tile at the positions at which a mask's treatment of ties changes.
fn segments(range: &Range<usize>, masks: &[Mask]) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = masks.iter().flat_map(|mask| [mask.low.cut as usize, mask.high.cut as usize]).collect();
    cuts.retain(|cut| *cut > range.start && *cut < range.end);
    cuts.extend([range.start, range.end]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}
