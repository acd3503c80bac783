//! What methods need to know of whole tensors, found in passes before the merge.
//!
//! Statistics do not depend on weights or on an interpolation's position.

use std::collections::BTreeMap;

use super::Error;
use super::fusion::{Fusion, fusions};
use super::gram::{self, Columns, Wanted};
use super::joint::{Consensus, consensus, factors};
use super::lines::row_of;
use super::made::Running;
use super::masks::{Mask, masks};
use super::span::Workers;
use super::threshold;
use crate::kernel::{Float, Gram, Real};
use crate::method::{Along, Arguments, Combination, Formula, Joint, Pairwise, Sparsification, Vectors};
use crate::plan::{Input, Plan, PlannedTensor, TensorOp};

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
    /// One factor a task vector, on what it alone changed.
    Factors(Vec<f64>),
    /// Weights and selection of a consensus.
    Consensus(Consensus),
    /// Divergences and threshold of a fusion.
    Fusion(Fusion),
}

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

/// Passes over the inputs before the merge, where the searches among their elements guess right, and those searches.
fn effort(tensor: &PlannedTensor) -> (u64, u64) {
    let TensorOp::Merge { method, arguments, .. } = &tensor.op else { return (0, 0) };
    match &method.formula {
        // Rows are seen to when they are merged.
        Formula::Combination(combination) => {
            (u64::from(along(tensor, combination, arguments).is_some_and(|along| along != Along::Rows)), 0)
        }
        Formula::MaskedSum(terms) => {
            let terms = terms(arguments);
            let searches = terms.sparsifications.iter().map(|keep| match keep {
                Sparsification::Largest { .. } => 1,
                Sparsification::Middle { .. } => 2,
                Sparsification::All | Sparsification::Random { .. } | Sparsification::RandomByRank { .. } => 0,
            });
            let searches = searches.sum();
            let whole = terms.sparsifications.iter().all(|keep| *keep == Sparsification::All);
            (u64::from(searches > 0) + u64::from(terms.rescale && !whole), searches)
        }
        Formula::Joint(joint) => match joint(arguments) {
            Joint::Overlap { rate, .. } => (u64::from(rate != 0.0), 0),
            Joint::Consensus { share } if share < 1.0 => (2, 1),
            Joint::Consensus { .. } => (1, 0),
        },
        Formula::Pairwise(pairwise) => match pairwise(arguments) {
            Pairwise::Swap { .. } => (0, 0),
            Pairwise::Fuse => (2, 3),
        },
    }
}

/// Passes over the inputs before the merge.
pub(super) fn passes(tensor: &PlannedTensor) -> u64 {
    effort(tensor).0
}

/// About how much memory the passes over some tensors need that are searched together.
pub(super) fn memory(tensors: &[PlannedTensor], threads: u64) -> u64 {
    let of = |tensor: &PlannedTensor| {
        let (_, searches) = effort(tensor);
        let TensorOp::Merge { method, compute_dtype, .. } = &tensor.op else { return (0, 0) };
        // Scores that are made from several models are f64.
        let made = matches!(method.formula, Formula::Joint(_) | Formula::Pairwise(_));
        (
            searches,
            searches * threshold::memory(tensor.elements, if *compute_dtype == Float::F64 || made { 8 } else { 4 }),
        )
    };
    let (mut most, mut held) = (0, 0);
    for (searches, bytes) in tensors.iter().map(of) {
        most = most.max(searches);
        held += bytes;
    }
    held + most * threshold::counters(threads)
}

/// The statistics of tensors that an earlier merge of the same checkpoints has found. They do not depend on weights: a
/// merge of other weights uses them again.
#[derive(Debug, Default)]
pub struct Statistics {
    known: BTreeMap<String, (Need, Statistic)>,
}

/// What a tensor's statistic depends on.
#[derive(Clone, Debug, PartialEq)]
struct Need {
    inputs: Vec<Input>,
    /// What inputs that are made elsewhere are made of.
    made: Vec<u64>,
    double: bool,
    of: Of,
}

#[derive(Clone, Debug, PartialEq)]
enum Of {
    /// Dot products, of differences from the first input or of the inputs.
    Gram { around: bool },
    /// Masks without draws.
    Masks(Vec<Sparsification>, bool),
}

impl Need {
    /// Nothing for statistics that are found anew in every merge.
    fn of(plan: &Plan, tensor: &PlannedTensor) -> Option<Self> {
        let TensorOp::Merge { method, inputs, arguments, compute_dtype, .. } = &tensor.op else { return None };
        let of = match &method.formula {
            Formula::Combination(combination) if along(tensor, combination, arguments) == Some(Along::Whole) => {
                Of::Gram { around: is_around(combination, inputs, arguments) }
            }
            Formula::MaskedSum(terms) if inputs.len() > 1 => {
                let terms = terms(arguments);
                let drawn = |keep: &Sparsification| {
                    matches!(keep, Sparsification::Random { .. } | Sparsification::RandomByRank { .. })
                };
                if terms.sparsifications.iter().any(drawn) {
                    return None;
                }
                Of::Masks(terms.sparsifications, terms.rescale)
            }
            _ => return None,
        };
        let made = inputs.iter().map(|input| plan.print(*input)).collect();
        Some(Self { inputs: inputs.clone(), made, double: *compute_dtype == Float::F64, of })
    }
}

/// The statistics of some of the plan's tensors, in their order.
pub(super) fn gather(
    plan: Running<'_>,
    tensors: &[usize],
    workers: &Workers<'_>,
    statistics: &mut Statistics,
) -> Result<Vec<Statistic>, Error> {
    let key = |index: usize| format!("{}\0{}", plan.name, plan.tensors[index].label());
    let needs: Vec<Option<Need>> = tensors.iter().map(|index| Need::of(plan.plan, &plan.tensors[*index])).collect();
    let mut found: BTreeMap<usize, Statistic> = BTreeMap::new();
    for (index, need) in tensors.iter().zip(&needs) {
        match (statistics.known.get(&key(*index)), need) {
            (Some((known, statistic)), Some(need)) if known == need => {
                found.insert(*index, statistic.clone());
            }
            _ => {}
        }
    }
    for double in [false, true] {
        let of_precision = |index: &usize| matches!(plan.tensors[*index].op, TensorOp::Merge { compute_dtype, .. } if (compute_dtype == Float::F64) == double);
        let wanted: Vec<usize> =
            tensors.iter().copied().filter(of_precision).filter(|index| !found.contains_key(index)).collect();
        if double {
            gather_as::<f64>(plan, &wanted, workers, &mut found)?;
        } else {
            gather_as::<f32>(plan, &wanted, workers, &mut found)?;
        }
    }
    for (index, need) in tensors.iter().zip(needs) {
        if let (Some(need), Some(statistic)) = (need, found.get(index)) {
            statistics.known.insert(key(*index), (need, statistic.clone()));
        }
    }
    Ok(tensors.iter().map(|index| found.remove(index).unwrap_or(Statistic::None)).collect())
}

fn gather_as<T: Real>(
    plan: Running<'_>,
    tensors: &[usize],
    workers: &Workers<'_>,
    found: &mut BTreeMap<usize, Statistic>,
) -> Result<(), Error> {
    let (mut whole, mut columns) = (Vec::new(), Vec::new());
    let (mut masked, mut agreed, mut overlapping, mut fused) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for &index in tensors {
        let TensorOp::Merge { method, inputs, arguments, .. } = &plan.tensors[index].op else { continue };
        match &method.formula {
            Formula::Combination(combination) => {
                let wanted = Wanted { tensor: index, around: is_around(combination, inputs, arguments) };
                match along(&plan.tensors[index], combination, arguments) {
                    Some(Along::Whole) => whole.push(wanted),
                    Some(Along::Columns) => columns.push(wanted),
                    Some(Along::Rows) | None => {}
                }
            }
            // Without models there is only the base.
            _ if inputs.len() < 2 => {}
            Formula::MaskedSum(terms) => masked.push((index, terms(arguments))),
            Formula::Joint(joint) => match joint(arguments) {
                Joint::Consensus { share } => agreed.push((index, share)),
                Joint::Overlap { rate: 0.0, .. } => {
                    found.insert(index, Statistic::Factors(vec![1.0; inputs.len() - 1]));
                }
                joint @ Joint::Overlap { .. } => overlapping.push((index, joint)),
            },
            Formula::Pairwise(pairwise) => {
                if pairwise(arguments) == Pairwise::Fuse {
                    fused.push(index);
                }
            }
        }
    }
    let grams = gram::whole::<T>(plan, &whole, workers)?;
    found.extend(grams.into_iter().map(|(index, gram)| (index, Statistic::Gram(gram))));
    let columns = gram::columns::<T>(plan, &columns, workers)?;
    found.extend(columns.into_iter().map(|(index, columns)| (index, Statistic::Columns(columns))));
    let all = masks::<T>(plan, &masked, workers)?;
    found.extend(masked.iter().zip(all).map(|((index, _), masks)| (*index, Statistic::Masks(masks))));
    let agreed = consensus::<T>(plan, &agreed, workers)?;
    found.extend(agreed.into_iter().map(|(index, consensus)| (index, Statistic::Consensus(consensus))));
    let factors = factors::<T>(plan, &overlapping, workers)?;
    found.extend(factors.into_iter().map(|(index, factors)| (index, Statistic::Factors(factors))));
    let fused = fusions::<T>(plan, &fused, workers)?;
    found.extend(fused.into_iter().map(|(index, fusion)| (index, Statistic::Fusion(fusion))));
    Ok(())
}
