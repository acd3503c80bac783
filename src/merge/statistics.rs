//! What methods need to know of whole tensors, found in passes before the merge.
//!
//! Statistics do not depend on weights or on an interpolation's position.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Error;
use super::scratch::{finish_all, views};
use super::span::{Span, Workers};
use super::threshold::{self, Threshold};
use crate::kernel::{Gram, GramSum, Real, absolute_sums, dots};
use crate::method::{Keep, MaskedSum, Shape, Vectors};
use crate::plan::{Input, Plan, Work};

/// The statistic of one tensor.
#[derive(Clone, Debug)]
pub(super) enum Statistic {
    /// None is needed.
    None,
    /// The pairwise dot products of what is combined.
    Gram(Gram),
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

/// Passes over the inputs before the merge.
pub(super) fn passes(work: &Work) -> u64 {
    let Work::Merge { method, arguments, .. } = work else { return 0 };
    match &method.shape {
        Shape::Combination(combination) => u64::from(combination.gram),
        Shape::MaskedSum(terms) => {
            let terms = terms(arguments);
            let thresholds = if terms.keep.iter().all(|keep| *keep == Keep::All) { 0 } else { 2 };
            thresholds + u64::from(terms.rescale && thresholds > 0)
        }
        Shape::Pairwise(_) => 0,
    }
}

/// About how much memory the passes need.
pub(super) fn memory(work: &Work, elements: u64, threads: u64) -> u64 {
    let models = work.inputs().len().saturating_sub(1) as u64;
    if passes(work) > 1 { models * threshold::memory(elements, threads) } else { 0 }
}

/// The statistics of tensors that an earlier merge of the same checkpoints has found. They do not depend on weights: a
/// merge of other weights uses them again.
#[derive(Debug, Default)]
pub struct Statistics {
    known: BTreeMap<String, (Wanted, Statistic)>,
}

/// What a tensor's statistic depends on.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    inputs: Vec<Input>,
    double: bool,
    of: Of,
}

#[derive(Clone, Debug, PartialEq)]
enum Of {
    Gram(Vectors),
    Masks(Vec<Keep>, bool),
}

impl Wanted {
    fn of(work: &Work) -> Option<Self> {
        let Work::Merge { method, inputs, arguments, double, .. } = work else { return None };
        let of = match &method.shape {
            Shape::Combination(combination) if combination.gram => Of::Gram(combination.of),
            Shape::MaskedSum(terms) if inputs.len() > 1 => {
                let terms = terms(arguments);
                Of::Masks(terms.keep, terms.rescale)
            }
            _ => return None,
        };
        Some(Self { inputs: inputs.clone(), double: *double, of })
    }
}

/// The statistics of the plan's tensors `range`, in their order.
pub(super) fn gather(
    plan: &Plan,
    range: Range<usize>,
    workers: &Workers<'_>,
    statistics: &mut Statistics,
) -> Result<Vec<Statistic>, Error> {
    let wanted: Vec<Option<Wanted>> = range.clone().map(|index| Wanted::of(&plan.tensors[index].work)).collect();
    let mut found: BTreeMap<usize, Statistic> = BTreeMap::new();
    for (index, wanted) in range.clone().zip(&wanted) {
        match (statistics.known.get(&plan.tensors[index].label()), wanted) {
            (Some((known, statistic)), Some(wanted)) if known == wanted => {
                found.insert(index, statistic.clone());
            }
            _ => {}
        }
    }
    for double in [false, true] {
        let of_precision =
            |index: &usize| matches!(plan.tensors[*index].work, Work::Merge { double: is, .. } if is == double);
        let tensors: Vec<usize> =
            range.clone().filter(of_precision).filter(|index| !found.contains_key(index)).collect();
        if double {
            gather_as::<f64>(plan, &tensors, workers, &mut found)?;
        } else {
            gather_as::<f32>(plan, &tensors, workers, &mut found)?;
        }
    }
    for (index, wanted) in range.clone().zip(wanted) {
        if let (Some(wanted), Some(statistic)) = (wanted, found.get(&index)) {
            statistics.known.insert(plan.tensors[index].label(), (wanted, statistic.clone()));
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
    let mut grams = Vec::new();
    let mut masked = Vec::new();
    for &index in tensors {
        let Work::Merge { method, inputs, arguments, .. } = &plan.tensors[index].work else { continue };
        match &method.shape {
            Shape::Combination(combination) if combination.gram => grams.push((index, combination.of)),
            Shape::MaskedSum(terms) if inputs.len() > 1 => masked.push((index, terms(arguments))),
            _ => {}
        }
    }
    for (index, gram) in gram_matrices::<T>(plan, &grams, workers)? {
        found.insert(index, Statistic::Gram(gram));
    }
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

fn gram_matrices<T: Real>(
    plan: &Plan,
    tensors: &[(usize, Vectors)],
    workers: &Workers<'_>,
) -> Result<Vec<(usize, Gram)>, Error> {
    let tile = workers.options.tile();
    let spans: Vec<(Span, Vectors)> = tensors
        .iter()
        .flat_map(|(index, of)| {
            Span::cut(*index, plan.tensors[*index].elements as usize, tile).map(move |span| (span, *of))
        })
        .collect();
    let partial = workers.map(&spans, |scratch, (span, of)| {
        let inputs = plan.tensors[span.tensor].work.inputs();
        let buffers = &mut scratch.with_inputs(inputs.len()).inputs;
        let options = &workers.options;
        let values: Vec<&[T]> = views(plan, inputs, &span.range, buffers, options)?;
        let mut blocks = Vec::new();
        match of {
            Vectors::Models => dots(options.level, None, &values, &mut blocks),
            Vectors::TaskVectors => {
                dots(options.level, values.first().copied(), values.get(1..).unwrap_or(&[]), &mut blocks);
            }
        }
        finish_all(plan, inputs, &span.range, options);
        Ok(blocks)
    })?;
    let mut sums: BTreeMap<usize, GramSum> = tensors
        .iter()
        .map(|(index, of)| {
            let inputs = plan.tensors[*index].work.inputs().len();
            (*index, GramSum::new(if *of == Vectors::Models { inputs } else { inputs.saturating_sub(1) }))
        })
        .collect();
    for ((span, _), blocks) in spans.iter().zip(&partial) {
        if let Some(sum) = sums.get_mut(&span.tensor) {
            sum.add(blocks);
        }
    }
    Ok(sums.into_iter().map(|(index, sum)| (index, sum.finish())).collect())
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
