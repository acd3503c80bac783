//! Trims task vectors to their largest elements, then elects a sign.

use super::task_arithmetic::{IGNORED, LAMBDA, NORMALIZE, WEIGHT};
use super::{Arguments, Base, Count, Formula, Kind, MaskedSum, MergeMethod, Parameter, Scope, Sparsification, Value};

/// Trim, elect sign, merge.
pub(super) static TIES: MergeMethod = MergeMethod {
    name: "ties",
    summary: "trim each task vector to its largest elements, elect a sign, sum what agrees",
    equation: "dᵢ = top(density, xᵢ − base);  s = sign(Σ wᵢ·dᵢ);  out = base + λ·Σ wᵢ·dᵢ·[sign(wᵢ·dᵢ) = s] / Σ wᵢ·[sign(wᵢ·dᵢ) = s]",
    origin: "Yadav et al. 2023, TIES-merging, arXiv:2306.01708; signs elected by weighted sum, as mergekit 0.1.5 does",
    when: "Task vectors that cancel each other where they are added: small changes are dropped, and a vote settles the signs.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        WEIGHT,
        DENSITY,
        LAMBDA,
        Parameter { default: Some(Value::Flag(true)), ..NORMALIZE },
        Parameter { default: Some(Value::Flag(false)), ..RESCALE },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: None,
    formula: Formula::MaskedSum(masked_sum),
};

/// The share of a task vector that is kept.
pub(super) const DENSITY: Parameter = Parameter {
    name: "density",
    scope: Scope::PerModel,
    kind: Kind::Number { min: 0.0, max: 1.0 },
    default: Some(Value::Number(1.0)),
    doc: "share of the task vector's elements that stay, largest magnitudes first",
    by_row: false,
};

/// Restores the L1 norm after a mask.
pub(super) const RESCALE: Parameter = Parameter {
    name: "rescale",
    scope: Scope::Shared,
    kind: Kind::Flag,
    default: None,
    doc: "scale each trimmed task vector back to the L1 norm it had",
    by_row: false,
};

fn masked_sum(arguments: &Arguments) -> MaskedSum {
    let sparsify = |density: f64| if density < 1.0 { Sparsification::Largest { density } } else { Sparsification::All };
    MaskedSum {
        weights: arguments.numbers("weight"),
        sparsifications: arguments.numbers("density").into_iter().map(sparsify).collect(),
        elect: true,
        normalize: arguments.flag("normalize"),
        rescale: arguments.flag("rescale"),
        lambda: arguments.number("lambda"),
    }
}
