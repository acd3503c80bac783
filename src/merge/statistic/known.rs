//! Statistics that are kept from one merge to the next.

use std::collections::BTreeMap;

use super::{Statistic, dots_along, sums_task_vectors};
use crate::kernel::DType;
use crate::merge::context::Context;
use crate::method::{Along, Formula, Sparsification};
use crate::plan::{Input, TensorOp};

/// The statistics of tensors that an earlier merge of the same checkpoints has found. They do not depend on weights, so
/// that a merge with other weights can use them again.
#[derive(Debug, Default)]
pub struct Statistics {
    known: BTreeMap<String, (Dependencies, Statistic)>,
}

/// The inputs and settings that a tensor's statistic depends on.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::merge) struct Dependencies {
    inputs: Vec<Input>,
    /// Fingerprints of the inputs that come from other documents.
    stages: Vec<u64>,
    compute_dtype: DType,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Dot products, of task vectors or of the inputs.
    Gram { task_vectors: bool },
    /// Masks that are not random, and whether they are rescaled.
    Masks(Vec<Sparsification>, bool),
}

impl Dependencies {
    /// The dependencies of a tensor's statistic; `None` for statistics that every merge computes anew.
    pub(in crate::merge) fn of(context: Context<'_>, index: usize) -> Option<Self> {
        let tensor = context.tensor(index);
        let TensorOp::Merge { method, inputs, arguments, compute_dtype, .. } = &tensor.op else { return None };
        let kind = match &method.formula {
            Formula::Combination(combination) if dots_along(tensor, combination, arguments) == Some(Along::Whole) => {
                Kind::Gram { task_vectors: sums_task_vectors(combination, inputs, arguments) }
            }
            Formula::MaskedSum(terms) if inputs.len() > 1 => {
                let terms = terms(arguments);
                if terms.sparsifications.iter().any(|one| one.is_random()) {
                    return None;
                }
                Kind::Masks(terms.sparsifications, terms.rescale)
            }
            _ => return None,
        };
        let stages = inputs.iter().map(|input| context.plan.fingerprint(*input)).collect();
        Some(Self { inputs: inputs.clone(), stages, compute_dtype: *compute_dtype, kind })
    }
}

impl Statistics {
    /// The statistic of a tensor, if it is known and its dependencies are the same.
    pub(in crate::merge) fn get(
        &self,
        context: Context<'_>,
        index: usize,
        dependencies: &Dependencies,
    ) -> Option<&Statistic> {
        self.known.get(&key(context, index)).filter(|(known, _)| known == dependencies).map(|(_, statistic)| statistic)
    }

    /// Stores the statistic of a tensor.
    pub(in crate::merge) fn insert(
        &mut self,
        context: Context<'_>,
        index: usize,
        dependencies: Dependencies,
        statistic: Statistic,
    ) {
        self.known.insert(key(context, index), (dependencies, statistic));
    }
}

fn key(context: Context<'_>, index: usize) -> String {
    format!("{}\0{}", context.document, context.tensor(index).label())
}
