//! Drops elements of task vectors at random and sums the rest.

use super::task_arithmetic::{IGNORED, LAMBDA, NORMALIZE, WEIGHT};
use super::ties::{DENSITY, RESCALE};
use super::{Arguments, Base, Count, Formula, MaskedSum, MergeMethod, Parameter, Sparsification, Value};

/// `out = base + λ·Σ wᵢ·sᵢ·mᵢ·(xᵢ − base)`, `mᵢ` drawn at random
pub(super) static DARE_LINEAR: MergeMethod = MergeMethod {
    name: "dare_linear",
    summary: "the base plus a weighted sum of task vectors of which random elements are dropped",
    equation: "mᵢ ~ Bernoulli(density);  dᵢ = sᵢ·mᵢ·(xᵢ − base),  sᵢ = |xᵢ − base|₁ / |mᵢ·(xᵢ − base)|₁ with `rescale`;  out = base + λ·Σ wᵢ·dᵢ",
    origin: "Yu et al. 2023, Language models are super Mario (DARE), arXiv:2311.03099; rescaled to the L1 norm, as mergekit 0.1.5 does, not by 1/density",
    when: "Many fine-tunes with small dense changes that get in each other's way when all are added.",
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
    formula: Formula::MaskedSum(masked_sum),
};

/// The probability that an element is kept.
pub(super) const RANDOM_DENSITY: Parameter =
    Parameter { doc: "probability with which an element of the task vector stays", ..DENSITY };

fn masked_sum(arguments: &Arguments) -> MaskedSum {
    MaskedSum { elect: false, ..random(arguments) }
}

/// Sums randomly thinned task vectors, with sign election.
pub(super) fn random(arguments: &Arguments) -> MaskedSum {
    let sparsify = |density: f64| if density < 1.0 { Sparsification::Random { density } } else { Sparsification::All };
    MaskedSum {
        weights: arguments.numbers("weight"),
        sparsifications: arguments.numbers("density").into_iter().map(sparsify).collect(),
        elect: true,
        normalize: arguments.flag("normalize"),
        rescale: arguments.flag("rescale"),
        lambda: arguments.number("lambda"),
    }
}
