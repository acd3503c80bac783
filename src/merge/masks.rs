//! Masks of task vectors: thresholds, random draws, and the factors that make up for what is dropped.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Error;
use super::lines::{row_of, rows_per_tile, unit_of};
use super::made::Running;
use super::scores::Differences;
use super::scratch::{finish_all, numbers, views};
use super::span::{Span, Workers};
use super::threshold::{Query, Rank, Threshold, search};
use crate::kernel::{
    Band, ByRank, Level, MaskTerm, MaskedTerms, RankRoom, Real, Stream, absolute_sums, draw, draw_below, limit,
    mask_by_rank, masked_sum,
};
use crate::method::{MaskedSum, Sparsification};
use crate::plan::PlannedTensor;

/// Which elements of a task vector stay, and the factor that makes up for the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    /// Elements that reach it stay,
    pub(super) low: Threshold,
    /// unless they reach this one too,
    pub(super) high: Threshold,
    /// or are not drawn.
    pub(super) drawn: Option<Drawn>,
    pub(super) rescale: f64,
}

impl Mask {
    /// Whether elements may be missing.
    fn drops(&self, n: u64) -> bool {
        self.low != Threshold::all(n) || self.high.cut > 0 || self.drawn.is_some()
    }
}

/// A random mask: what stays is a function of seed, tensor, model and position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drawn {
    stream: Stream,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// Numbers below a limit stay.
    Below(u32),
    /// The limit depends on the rank in the row.
    ByRank { by: ByRank, row: usize },
}

impl Drawn {
    fn new(keep: Sparsification, seed: u64, tensor: &PlannedTensor, model: usize) -> Option<Self> {
        let how = match keep {
            Sparsification::Random { density } => How::Below(limit(density)),
            Sparsification::RandomByRank { density, epsilon } => {
                How::ByRank { by: ByRank { density, epsilon }, row: row_of(tensor) }
            }
            Sparsification::All | Sparsification::Largest { .. } | Sparsification::Middle { .. } => return None,
        };
        Some(Self { stream: Stream { seed, name: name(tensor, model) }, how })
    }

    /// The row that must be whole in a tile.
    fn row(&self) -> Option<usize> {
        match self.how {
            How::Below(_) => None,
            How::ByRank { row, .. } => Some(row),
        }
    }

    /// Sets to 1 the elements from `start` on that stay, and to 0 the others.
    pub(super) fn fill<T: Real>(
        &self,
        level: Level,
        start: usize,
        base: &[T],
        x: &[T],
        draws: &mut Vec<u64>,
        out: &mut [u8],
    ) {
        match self.how {
            How::Below(limit) => draw_below(level, self.stream, start as u64, limit, out),
            How::ByRank { by, row } => {
                let draws: &mut [u32] = numbers(draws, out.len());
                draw(level, self.stream, start as u64, draws);
                mask_by_rank(level, by, row, base, x, draws, &mut RankRoom::default(), out);
            }
        }
    }
}

/// A number for a tensor and a model: FNV-1a, its bits mixed once more. A copy has that of what it is a copy of.
fn name(tensor: &PlannedTensor, model: usize) -> u64 {
    let own = tensor.copy_of.as_ref().unwrap_or(&tensor.canonical);
    let text = format!("{}/{own}#{model}", tensor.module);
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// The row that must be whole in a tile for these masks.
pub(super) fn row(masks: &[Mask]) -> Option<usize> {
    masks.iter().find_map(|mask| mask.drawn.as_ref()?.row())
}

/// The masks of tensors that are masked sums: index and terms.
pub(super) fn masks<T: Real>(
    plan: Running<'_>,
    tensors: &[(usize, MaskedSum)],
    workers: &Workers<'_>,
) -> Result<Vec<Vec<Mask>>, Error> {
    let mut queries: Vec<(u64, Vec<Query>)> = Vec::new();
    for (index, terms) in tensors {
        let n = plan.tensors[*index].elements;
        let of_model = |(sequence, keep): (usize, &Sparsification)| {
            let (skip, count) = keep.window(n);
            // Nothing stays, whatever the upper end would be.
            let ranks = if count == 0 { [0, 0] } else { [skip + count, skip] };
            ranks.map(|rank| Query { sequence, rank: Rank::Largest(rank) })
        };
        queries.push((n, terms.sparsifications.iter().enumerate().flat_map(of_model).collect()));
    }
    let indices = tensors.iter().map(|(index, _)| *index).collect();
    let differences = Differences { plan, options: &workers.options, tensors: indices };
    let thresholds = search::<T>(&differences, &queries, workers)?;
    let mut masks: Vec<Vec<Mask>> = Vec::new();
    for ((index, terms), thresholds) in tensors.iter().zip(thresholds) {
        let drawn =
            |(model, keep): (usize, &Sparsification)| Drawn::new(*keep, plan.seed, &plan.tensors[*index], model);
        let pairs = thresholds.chunks_exact(2).zip(terms.sparsifications.iter().enumerate().map(drawn));
        masks.push(pairs.map(|(pair, drawn)| Mask { low: pair[0], high: pair[1], drawn, rescale: 1.0 }).collect());
    }
    restore_norms::<T>(plan, tensors, &mut masks, workers)?;
    Ok(masks)
}

/// Norms below this are left as they are (mergekit's floor).
const SMALLEST_NORM: f64 = 1e-7;

/// Finds, where a method asks for it, the factors that give masked task vectors their L1 norm back.
fn restore_norms<T: Real>(
    plan: Running<'_>,
    tensors: &[(usize, MaskedSum)],
    masks: &mut [Vec<Mask>],
    workers: &Workers<'_>,
) -> Result<(), Error> {
    let tile = workers.options.tile();
    let mut spans: Vec<(usize, Span)> = Vec::new();
    for (at, (index, terms)) in tensors.iter().enumerate() {
        let n = plan.tensors[*index].elements;
        if terms.rescale && masks[at].iter().any(|mask| mask.drops(n)) {
            let length = row(&masks[at]).map_or(tile, |row| rows_per_tile(tile, row));
            spans.extend(Span::cut(*index, n as usize, length).map(|span| (at, span)));
        }
    }
    let partial = workers.map(&spans, |scratch, (at, span)| {
        let inputs = plan.tensors[span.tensor].op.inputs();
        let scratch = scratch.with_inputs(inputs.len());
        let options = &workers.options;
        let values: Vec<&[T]> = views(plan, inputs, &span.range, &mut scratch.inputs, options)?;
        let mut sums = Vec::new();
        if let Some((base, models)) = values.split_first() {
            for (x, mask) in models.iter().zip(&masks[*at]) {
                let drawn = mask.drawn.map(|drawn| {
                    let out = numbers::<u8>(&mut scratch.masks, x.len());
                    drawn.fill(options.level, span.range.start, base, x, &mut scratch.draws, out);
                    &*out
                });
                sums.push(norms(options.level, &masks[*at], mask, span.range.start, base, x, drawn));
            }
        }
        finish_all(&plan, inputs, &span.range, options);
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

/// The sums of a tile before and after the mask, in blocks that do not depend on the tile.
fn norms<T: Real>(
    level: Level,
    all: &[Mask],
    mask: &Mask,
    start: usize,
    base: &[T],
    x: &[T],
    drawn: Option<&[u8]>,
) -> Vec<[f64; 2]> {
    let unit = row(all).map_or(x.len(), unit_of).max(1);
    let mut blocks = Vec::new();
    for (index, (x, base)) in x.chunks(unit).zip(base.chunks(unit)).enumerate() {
        let offset = index * unit;
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

/// The random masks of a tile that begins at element `start`, one a model that has one.
pub(super) fn draw_masks<'a, T: Real>(
    level: Level,
    start: usize,
    masks: &[Mask],
    base: &[T],
    models: &[&[T]],
    room: &'a mut Vec<u64>,
    draws: &mut Vec<u64>,
) -> Vec<Option<&'a [u8]>> {
    let mut room = numbers::<u8>(room, masks.len() * base.len());
    let mut drawn = Vec::new();
    for (mask, x) in masks.iter().zip(models) {
        drawn.push(mask.drawn.map(|drawn| {
            let (out, rest) = std::mem::take(&mut room).split_at_mut(base.len());
            room = rest;
            drawn.fill(level, start, base, x, draws, out);
            &*out
        }));
    }
    drawn
}

/// The masked sum of the elements `range`. Says whether every sum was finite.
#[expect(clippy::too_many_arguments, reason = "a tile, what is known of it, and its place")]
pub(super) fn sum_masked<T: Real>(
    level: Level,
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
        let here = part.start - range.start..part.end - range.start;
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

/// The parts of a tile between the positions at which a mask's treatment of ties changes.
fn segments(range: &Range<usize>, masks: &[Mask]) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = masks.iter().flat_map(|mask| [mask.low.cut as usize, mask.high.cut as usize]).collect();
    cuts.retain(|cut| *cut > range.start && *cut < range.end);
    cuts.extend([range.start, range.end]);
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}
