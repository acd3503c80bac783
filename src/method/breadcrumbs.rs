//! Sums task vectors without their smallest and largest elements.

use super::task_arithmetic::{IGNORED, LAMBDA, NORMALIZE, WEIGHT};
use super::ties::{DENSITY, RESCALE};
use super::{Arguments, Base, Count, Formula, Kind, MaskedSum, MergeMethod, Parameter, Scope, Sparsification, Value};

/// `out = base + λ·Σ wᵢ·mᵢ·(xᵢ − base)`, `mᵢ` without outliers
pub(super) static BREADCRUMBS: MergeMethod = MergeMethod {
    name: "breadcrumbs",
    summary: "the base plus a weighted sum of task vectors without their smallest and their largest elements",
    equation: "of n elements ranked by |xᵢ − base|, the largest first: mᵢ = 0 for the first ⌊γ·n⌋, 1 for the next ⌊density·n⌋, 0 for the rest;  out = base + λ·Σ wᵢ·mᵢ·(xᵢ − base)",
    origin: "Davari and Belilovsky 2023, Model Breadcrumbs, arXiv:2312.06795; mergekit 0.1.5",
    when: "Several fine-tunes of which each has a few changes so large that they do harm in a sum.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        WEIGHT,
        MIDDLE_DENSITY,
        GAMMA,
        LAMBDA,
        Parameter { default: Some(Value::Flag(false)), ..NORMALIZE },
        Parameter { default: Some(Value::Flag(false)), ..RESCALE },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: None,
    formula: Formula::MaskedSum(masked_sum),
};

/// The share that is kept after the outliers are removed.
pub(super) const MIDDLE_DENSITY: Parameter =
    Parameter { doc: "share of the task vector's elements that stay, the largest behind `gamma` first", ..DENSITY };

/// The share of outliers.
pub(super) const GAMMA: Parameter = Parameter {
    name: "gamma",
    scope: Scope::PerModel,
    kind: Kind::Number { min: 0.0, max: 1.0 },
    default: Some(Value::Number(0.01)),
    doc: "share of the largest elements that are dropped; fewer where `density` needs them",
    by_row: false,
};

fn masked_sum(arguments: &Arguments) -> MaskedSum {
    MaskedSum { elect: false, ..middle(arguments) }
}

/// Sums task vectors without their outliers, with sign election.
pub(super) fn middle(arguments: &Arguments) -> MaskedSum {
    let sparsify =
        |(density, gamma)| if density < 1.0 { Sparsification::Middle { density, gamma } } else { Sparsification::All };
    MaskedSum {
        weights: arguments.numbers("weight"),
        sparsifications: arguments
            .numbers("density")
            .into_iter()
            .zip(arguments.numbers("gamma"))
            .map(sparsify)
            .collect(),
        elect: true,
        normalize: arguments.flag("normalize"),
        rescale: arguments.flag("rescale"),
        lambda: arguments.number("lambda"),
    }
}
