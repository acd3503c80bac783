//! Drops elements of task vectors at random, small ones more often, then elects a sign.

use super::dare_linear::RANDOM_DENSITY;
use super::task_arithmetic::{IGNORED, LAMBDA, NORMALIZE, WEIGHT};
use super::ties::RESCALE;
use super::{
    ArgumentError, Arguments, Base, Count, Formula, Kind, MaskedSum, MergeMethod, Parameter, Scope, Sparsification,
    Value,
};

/// Drop by magnitude, elect a sign, merge.
pub(super) static DELLA: MergeMethod = MergeMethod {
    name: "della",
    summary: "drop random elements of each task vector, small ones more often; elect a sign, sum what agrees",
    equation: "pᵢ = density − ε + 2ε·(rank − 1) / (L − 1),  rank of |xᵢ − base| in its row of L, the smallest first;  mᵢ ~ Bernoulli(pᵢ);  then as dare_ties, divided by Σ wᵢ·[sign(wᵢ·dᵢ) = s]",
    origin: "Deep et al. 2024, DELLA-Merging, arXiv:2406.11617; mergekit 0.1.5",
    when: "As dare_ties, where large changes should be more likely to stay than small ones.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        WEIGHT,
        Parameter { doc: "mean probability with which an element of the task vector stays", ..RANDOM_DENSITY },
        EPSILON,
        LAMBDA,
        Parameter { default: Some(Value::Flag(true)), ..NORMALIZE },
        Parameter { default: Some(Value::Flag(true)), ..RESCALE },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: Some(check),
    formula: Formula::MaskedSum(by_rank),
};

/// Half the spread of the probabilities.
pub(super) const EPSILON: Parameter = Parameter {
    name: "epsilon",
    scope: Scope::PerModel,
    kind: Kind::Number { min: 0.0, max: 0.5 },
    default: Some(Value::Number(0.15)),
    doc: "how far the probability of the largest element in a row is above `density`, and that of the smallest below",
    by_row: false,
};

/// Probabilities must lie between 0 and 1. mergekit refuses the ends too.
pub(super) fn check(arguments: &Arguments) -> Result<(), ArgumentError> {
    let pairs = arguments.numbers("density").into_iter().zip(arguments.numbers("epsilon"));
    for (model, (density, epsilon)) in pairs.enumerate() {
        let drawn = density > 0.0 && density < 1.0;
        if drawn && (density + epsilon >= 1.0 || density - epsilon <= 0.0) {
            let widest = density.min(1.0 - density);
            return Err(ArgumentError {
                parameters: &["epsilon", "density"],
                model: Some(model),
                reason: format!(
                    "`density` − `epsilon` and `density` + `epsilon` must lie between 0 and 1, found {density} and {epsilon}"
                ),
                hint: format!("with this `density`, `epsilon` must be below {}", (widest * 1e9).round() / 1e9),
            });
        }
    }
    Ok(())
}

/// Sums task vectors thinned out by rank, with sign election.
pub(super) fn by_rank(arguments: &Arguments) -> MaskedSum {
    let sparsify = |(density, epsilon): (f64, f64)| {
        if density >= 1.0 {
            Sparsification::All
        } else if density <= 0.0 {
            Sparsification::Random { density: 0.0 }
        } else {
            Sparsification::RandomByRank { density, epsilon }
        }
    };
    MaskedSum {
        weights: arguments.numbers("weight"),
        sparsifications: arguments
            .numbers("density")
            .into_iter()
            .zip(arguments.numbers("epsilon"))
            .map(sparsify)
            .collect(),
        elect: true,
        normalize: arguments.flag("normalize"),
        rescale: arguments.flag("rescale"),
        lambda: arguments.number("lambda"),
    }
}
