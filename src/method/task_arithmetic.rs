//! Weighted sum of task vectors on the base.

use super::{
    Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter, Scope, Value,
    Vectors,
};
use crate::kernel::Gram;

/// `out = base + λ·Σ wᵢ·(xᵢ − base)`
pub(super) static TASK_ARITHMETIC: MergeMethod = MergeMethod {
    name: "task_arithmetic",
    summary: "the base plus a weighted sum of what each model learnt",
    equation: "out = base + λ·Σ wᵢ·(xᵢ − base)   (with `normalize`: the sum divided by Σ wᵢ)",
    origin: "Ilharco et al. 2023, Editing models with task arithmetic, arXiv:2212.04089",
    when: "Several skills added to one base, each with its own strength; a negative weight takes one away.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        WEIGHT,
        LAMBDA,
        Parameter { default: Some(Value::Flag(false)), ..NORMALIZE },
        Parameter { name: "density", scope: Scope::PerModel, ..IGNORED },
        Parameter { name: "rescale", ..IGNORED },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: None,
    formula: Formula::Combination(Combination { of: Vectors::TaskVectors, dots: Dots::Unneeded, coefficients }),
};

/// The weight of a task vector.
pub(super) const WEIGHT: Parameter = Parameter {
    name: "weight",
    scope: Scope::PerModel,
    kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
    default: None,
    doc: "factor on the model's task vector; negative takes away what it learnt",
    by_row: true,
};

/// The factor on the whole sum of task vectors.
pub(super) const LAMBDA: Parameter = Parameter {
    name: "lambda",
    scope: Scope::Shared,
    kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
    default: Some(Value::Number(1.0)),
    doc: "factor on the whole sum of task vectors",
    by_row: true,
};

/// Division by the sum of the weights.
pub(super) const NORMALIZE: Parameter = Parameter {
    name: "normalize",
    scope: Scope::Shared,
    kind: Kind::Flag,
    default: None,
    doc: "divide by the sum of the weights that take part",
    by_row: false,
};

/// A key that mergekit accepts and that has no effect.
pub(super) const IGNORED: Parameter = Parameter {
    name: "",
    scope: Scope::Shared,
    kind: Kind::Ignored,
    default: None,
    doc: "accepted for mergekit's recipes; has no effect",
    by_row: false,
};

/// The smallest divisor, as in mergekit. A smaller sum of weights does not divide.
const SMALLEST_DIVISOR: f64 = 1e-8;

#[expect(clippy::unnecessary_wraps, reason = "other methods have none for some arguments")]
fn coefficients(arguments: &Arguments, _: Option<&Gram>) -> Coefficients {
    let weights = arguments.numbers("weight");
    let sum: f64 = weights.iter().sum();
    let divisor = if arguments.flag("normalize") && sum.abs() >= SMALLEST_DIVISOR { sum } else { 1.0 };
    let factor = arguments.number("lambda") / divisor;
    Ok(weights.iter().map(|weight| weight * factor).collect())
}
