//! Drops elements of task vectors at random, small ones more often, and sums the rest.

use super::dare_linear::RANDOM_DENSITY;
use super::della::{EPSILON, by_rank, check};
use super::task_arithmetic::{IGNORED, LAMBDA, NORMALIZE, WEIGHT};
use super::ties::RESCALE;
use super::{Arguments, Base, Count, Formula, MaskedSum, MergeMethod, Parameter, Value};

/// `della` without sign election.
pub(super) static DELLA_LINEAR: MergeMethod = MergeMethod {
    name: "della_linear",
    summary: "the base plus a weighted sum of task vectors of which random elements are dropped, small ones more often",
    equation: "mᵢ as in della;  dᵢ = sᵢ·mᵢ·(xᵢ − base),  sᵢ as in dare_linear;  out = base + λ·Σ wᵢ·dᵢ",
    origin: "Deep et al. 2024, DELLA-Merging, arXiv:2406.11617; mergekit 0.1.5",
    when: "As dare_linear, where large changes should be more likely to stay than small ones.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        WEIGHT,
        Parameter { doc: "mean probability with which an element of the task vector stays", ..RANDOM_DENSITY },
        EPSILON,
        LAMBDA,
        Parameter { default: Some(Value::Flag(false)), ..NORMALIZE },
        Parameter { default: Some(Value::Flag(true)), ..RESCALE },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: Some(check),
    formula: Formula::MaskedSum(masked_sum),
};

fn masked_sum(arguments: &Arguments) -> MaskedSum {
    MaskedSum { elect: false, ..by_rank(arguments) }
}
