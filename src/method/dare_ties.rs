//! Drops elements of task vectors at random, then elects a sign.

use super::dare_linear::{RANDOM_DENSITY, random};
use super::task_arithmetic::{IGNORED, LAMBDA, NORMALIZE, WEIGHT};
use super::ties::RESCALE;
use super::{Base, Count, Formula, MergeMethod, Parameter, Value};

/// `dare_linear` with the sign election of `ties`.
pub(super) static DARE_TIES: MergeMethod = MergeMethod {
    name: "dare_ties",
    summary: "drop random elements of each task vector, elect a sign, sum what agrees",
    equation: "mᵢ ~ Bernoulli(density);  dᵢ = sᵢ·mᵢ·(xᵢ − base),  sᵢ as in dare_linear;  s = sign(Σ wᵢ·dᵢ);  out = base + λ·Σ wᵢ·dᵢ·[sign(wᵢ·dᵢ) = s]",
    origin: "Yu et al. 2023 (DARE), arXiv:2311.03099, with the election of Yadav et al. 2023 (TIES), arXiv:2306.01708",
    when: "As dare_linear, where the fine-tunes also pull in opposite directions.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        WEIGHT,
        RANDOM_DENSITY,
        LAMBDA,
        Parameter { default: Some(Value::Flag(false)), ..NORMALIZE },
        Parameter { default: Some(Value::Flag(true)), ..RESCALE },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: None,
    formula: Formula::MaskedSum(random),
};
