//! What methods need to know of whole tensors, found in passes before the merge.
//!
//! Statistics do not depend on weights or on an interpolation's position.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Error;
use super::gram::{self, Columns, Wanted};
use super::lines::row_of;
use super::scratch::{finish_all, views};
use super::span::{Span, Workers};
use super::threshold::{self, Threshold};
use crate::kernel::{Gram, Real, absolute_sums};
use crate::method::{Along, Arguments, Combination, Keep, MaskedSum, Shape, Vectors};
use crate::plan::{Input, Plan, PlannedTensor, Work};

/// The statistic of one tensor.
#[derive(Clone, Debug)]
pub(super) enum Statistic {
    /// None is needed.
    None,
    /// The pairwise dot products of what is combined.
    Gram(Gram),
    /// Those of its columns.
    Columns(Columns),
    /// One mask a task vector.
    Masks(Vec<Mask>),
}

/// Which elements of a task vector stay, and the factor that makes up for the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    pub(super) threshold: Threshold,
    pub(super) rescale: f64,
}

/// Norms below this are left as they are (mergekit's floor).
const SMALLEST_NORM: f64 = 1e-7;

/// Whether a combination is one of differences from its first input.
pub(super) fn is_around(combination: &Combination, inputs: &[Input], arguments: &Arguments) -> bool {
    combination.of == Vectors::TaskVectors && inputs.len() > arguments.models.len()
}

/// What the dot products of a tensor are taken of. Where it is a single row or column, that is the whole.
pub(super) fn along(tensor: &PlannedTensor, combination: &Combination, arguments: &Arguments) -> Option<Along> {
    let elements = tensor.elements as usize;
    let columns = elements / tensor.shape.first().copied().unwrap_or(1).max(1);
    combination.dots.along(arguments).map(|along| match along {
        Along::Rows if row_of(tensor) < elements => Along::Rows,
        Along::Columns if tensor.shape.len() > 1 && columns > 1 => Along::Columns,
        _ => Along::Whole,
    })
}

/// Passes over the inputs before the merge.
pub(super) fn passes(tensor: &PlannedTensor) -> u64 {
    let Work::Merge { method, arguments, .. } = &tensor.work else { return 0 };
    match &method.shape {
        // Rows are seen to when they are merged.
        Shape::Combination(combination) => {
            u64::from(along(tensor, combination, arguments).is_some_and(|along| along != Along::Rows))
        }
        Shape::MaskedSum(terms) => {
            let terms = terms(arguments);
            let thresholds = if terms.keep.iter().all(|keep| *keep == Keep::All) { 0 } else { 2 };
            thresholds + u64::from(terms.rescale && thresholds > 0)
        }
        Shape::Joint(_) | Shape::Pairwise(_) => 0,
    }
}

/// About how much memory the passes need.
pub(super) fn memory(tensor: &PlannedTensor, threads: u64) -> u64 {
    let models = tensor.work.inputs().len().saturating_sub(1) as u64;
    if passes(tensor) > 1 { models * threshold::memory(tensor.elements, threads) } else { 0 }
}

/// The statistics of the plan's tensors `range`, in their order.
pub(super) fn gather(plan: &Plan, range: Range<usize>, workers: &Workers<'_>) -> Result<Vec<Statistic>, Error> {
    let mut found: BTreeMap<usize, Statistic> = BTreeMap::new();
    for double in [false, true] {
        let of_precision =
            |index: &usize| matches!(plan.tensors[*index].work, Work::Merge { double: is, .. } if is == double);
        let tensors: Vec<usize> = range.clone().filter(of_precision).collect();
        if double {
            gather_as::<f64>(plan, &tensors, workers, &mut found)?;
        } else {
            gather_as::<f32>(plan, &tensors, workers, &mut found)?;
        }
    }
    Ok(range.map(|index| found.remove(&index).unwrap_or(Statistic::None)).collect())
}

fn gather_as<T: Real>(
    plan: &Plan,
    tensors: &[usize],
    workers: &Workers<'_>,
    found: &mut BTreeMap<usize, Statistic>,
) -> Result<(), Error> {
    let (mut whole, mut columns) = (Vec::new(), Vec::new());
    let mut masked = Vec::new();
    for &index in tensors {
        let Work::Merge { method, inputs, arguments, .. } = &plan.tensors[index].work else { continue };
        match &method.shape {
            Shape::Combination(combination) => {
                let wanted = Wanted { tensor: index, around: is_around(combination, inputs, arguments) };
                match along(&plan.tensors[index], combination, arguments) {
                    Some(Along::Whole) => whole.push(wanted),
                    Some(Along::Columns) => columns.push(wanted),
                    Some(Along::Rows) | None => {}
                }
            }
            Shape::MaskedSum(terms) if inputs.len() > 1 => masked.push((index, terms(arguments))),
            _ => {}
        }
    }
    let grams = gram::whole::<T>(plan, &whole, workers)?;
    found.extend(grams.into_iter().map(|(index, gram)| (index, Statistic::Gram(gram))));
    let columns = gram::columns::<T>(plan, &columns, workers)?;
    found.extend(columns.into_iter().map(|(index, columns)| (index, Statistic::Columns(columns))));
    let keeps: Vec<(usize, Vec<Keep>)> = masked.iter().map(|(index, terms)| (*index, terms.keep.clone())).collect();
    let thresholds = threshold::search::<T>(plan, &keeps, workers)?;
    let mut masks: Vec<Vec<Mask>> = thresholds
        .into_iter()
        .map(|tensor| tensor.into_iter().map(|threshold| Mask { threshold, rescale: 1.0 }).collect())
        .collect();
    restore_norms::<T>(plan, &masked, &mut masks, workers)?;
    found.extend(masked.iter().zip(masks).map(|((index, _), masks)| (*index, Statistic::Masks(masks))));
    Ok(())
}

/// Finds, where a method asks for it, the factors that give masked task vectors their L1 norm back.
fn restore_norms<T: Real>(
    plan: &Plan,
    tensors: &[(usize, MaskedSum)],
    masks: &mut [Vec<Mask>],
    workers: &Workers<'_>,
) -> Result<(), Error> {
    let tile = workers.options.tile();
    let mut spans: Vec<(usize, Span)> = Vec::new();
    for (at, (index, terms)) in tensors.iter().enumerate() {
        let n = plan.tensors[*index].elements as usize;
        if terms.rescale && masks[at].iter().any(|mask| mask.threshold != Threshold::all(n as u64)) {
            spans.extend(Span::cut(*index, n, tile).map(|span| (at, span)));
        }
    }
    let partial = workers.map(&spans, |scratch, (at, span)| {
        let inputs = plan.tensors[span.tensor].work.inputs();
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let options = &workers.options;
        let values: Vec<&[T]> = views(plan, inputs, &span.range, buffers, options)?;
        let mut sums = Vec::new();
        if let Some((base, models)) = values.split_first() {
            for (x, mask) in models.iter().zip(&masks[*at]) {
                let mut blocks = Vec::new();
                let cut = (mask.threshold.cut as usize).saturating_sub(span.range.start);
                absolute_sums(options.level, base, x, T::bits(mask.threshold.bits), cut, &mut blocks);
                sums.push(blocks);
            }
        }
        finish_all(plan, inputs, &span.range, options);
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
