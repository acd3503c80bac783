//! Computes the statistics of some tensors, each kind in passes over all tensors that need it.

use std::collections::BTreeMap;

use super::consensus::find_consensus;
use super::factors::find_factors;
use super::fusion::find_fusions;
use super::gram::{GramRequest, column_grams, tensor_grams};
use super::masks::find_masks;
use crate::kernel::{DType, Real};
use crate::merge::Error;
use crate::merge::context::Context;
use crate::merge::statistic::{Dependencies, Statistic, Statistics, dots_along, sums_task_vectors};
use crate::merge::workers::Workers;
use crate::method::{Along, Formula, Joint, Pairwise};
use crate::plan::TensorOp;

/// Computes the statistics of some of the plan's tensors, in their order. Those in `statistics` are reused where they are
/// still valid, and new ones are added to it.
pub(in crate::merge) fn collect_statistics(
    context: Context<'_>,
    tensors: &[usize],
    workers: &Workers<'_>,
    statistics: &mut Statistics,
) -> Result<Vec<Statistic>, Error> {
    let dependencies: Vec<Option<Dependencies>> =
        tensors.iter().map(|index| Dependencies::of(context, *index)).collect();
    let mut found: BTreeMap<usize, Statistic> = BTreeMap::new();
    for (index, dependencies) in tensors.iter().zip(&dependencies) {
        let known = dependencies.as_ref().and_then(|dependencies| statistics.get(context, *index, dependencies));
        found.extend(known.map(|statistic| (*index, statistic.clone())));
    }
    for dtype in [DType::F32, DType::F64] {
        let is_of_dtype = |index: &usize| matches!(context.tensor(*index).op, TensorOp::Merge { compute_dtype, .. } if compute_dtype == dtype);
        let missing: Vec<usize> =
            tensors.iter().copied().filter(is_of_dtype).filter(|index| !found.contains_key(index)).collect();
        if dtype == DType::F64 {
            collect_as::<f64>(context, &missing, workers, &mut found)?;
        } else {
            collect_as::<f32>(context, &missing, workers, &mut found)?;
        }
    }
    for (index, dependencies) in tensors.iter().zip(dependencies) {
        if let (Some(dependencies), Some(statistic)) = (dependencies, found.get(index)) {
            statistics.insert(context, *index, dependencies, statistic.clone());
        }
    }
    Ok(tensors.iter().map(|index| found.remove(index).unwrap_or(Statistic::None)).collect())
}

/// Finds the statistics of tensors that are merged in format `T`.
fn collect_as<T: Real>(
    context: Context<'_>,
    tensors: &[usize],
    workers: &Workers<'_>,
    found: &mut BTreeMap<usize, Statistic>,
) -> Result<(), Error> {
    let (mut whole, mut columns) = (Vec::new(), Vec::new());
    let (mut masked, mut agreed, mut overlapping, mut fused) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for &index in tensors {
        let tensor = context.tensor(index);
        let TensorOp::Merge { method, inputs, arguments, .. } = &tensor.op else { continue };
        match &method.formula {
            Formula::Combination(combination) => {
                let task_vectors = sums_task_vectors(combination, inputs, arguments);
                let request = GramRequest { tensor: index, task_vectors };
                match dots_along(tensor, combination, arguments) {
                    Some(Along::Whole) => whole.push(request),
                    Some(Along::Columns) => columns.push(request),
                    Some(Along::Rows) | None => {}
                }
            }
            // Without models only the base is left.
            _ if inputs.len() < 2 => {}
            Formula::MaskedSum(terms) => masked.push((index, terms(arguments))),
            Formula::Joint(joint) => match joint(arguments) {
                Joint::Consensus { share } => agreed.push((index, share)),
                Joint::Overlap { rate: 0.0, .. } => {
                    found.insert(index, Statistic::Factors(vec![1.0; inputs.len() - 1]));
                }
                joint @ Joint::Overlap { .. } => overlapping.push((index, joint)),
            },
            Formula::Matrices(_) | Formula::Regression(_) => {}
            Formula::Pairwise(pairwise) => {
                if pairwise(arguments) == Pairwise::Fuse {
                    fused.push(index);
                }
            }
        }
    }
    let grams = tensor_grams::<T>(context, &whole, workers)?;
    found.extend(grams.into_iter().map(|(index, gram)| (index, Statistic::Gram(gram))));
    let columns = column_grams::<T>(context, &columns, workers)?;
    found.extend(columns.into_iter().map(|(index, columns)| (index, Statistic::Columns(columns))));
    let masks = find_masks::<T>(context, &masked, workers)?;
    found.extend(masked.iter().zip(masks).map(|((index, _), masks)| (*index, Statistic::Masks(masks))));
    let consensus = find_consensus::<T>(context, &agreed, workers)?;
    found.extend(consensus.into_iter().map(|(index, consensus)| (index, Statistic::Consensus(consensus))));
    let factors = find_factors::<T>(context, &overlapping, workers)?;
    found.extend(factors.into_iter().map(|(index, factors)| (index, Statistic::Factors(factors))));
    let fusions = find_fusions::<T>(context, &fused, workers)?;
    found.extend(fusions.into_iter().map(|(index, fusion)| (index, Statistic::Fusion(fusion))));
    Ok(())
}
