//! Spherical interpolation of two models or of their task vectors, by weight.

use super::slerp::NO_GRAM;
use super::task_arithmetic::WEIGHT;
use super::{
    Along, Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter, Scope,
    Value, Vectors,
};
use crate::kernel::Gram;

/// `out = sin((1−t)θ)/sin θ · v₁ + sin(tθ)/sin θ · v₂`
pub(super) static NUSLERP: MergeMethod = MergeMethod {
    name: "nuslerp",
    summary: "spherical interpolation of two models, or of their differences from a base, whole or row by row",
    equation: "vᵢ = xᵢ − base (xᵢ without a base);  t = w₂ / (w₁ + w₂);  out = base + sin((1−t)·θ)/sin θ · v₁ + sin(t·θ)/sin θ · v₂,   θ the angle between v₁ and v₂; linear where they are parallel",
    origin: "mergekit 0.1.5; Shoemake 1985, Animating rotation with quaternion curves",
    when: "Two fine-tunes of one base: their task vectors stand at a wide angle where the models themselves do not, so here, other than with slerp, the arc differs from the chord.",
    base: Base::Optional,
    models: Count::Exactly(2),
    parameters: &[
        Parameter { doc: "share of the model; t = w₂ / (w₁ + w₂), 0.5 where the sum is below 1e-6", ..WEIGHT },
        Parameter {
            name: "nuslerp_flatten",
            scope: Scope::Shared,
            kind: Kind::Flag,
            default: Some(Value::Flag(true)),
            doc: "take each tensor as one vector; otherwise each row is interpolated along an arc of its own",
            by_row: false,
        },
        Parameter {
            name: "nuslerp_row_wise",
            scope: Scope::Shared,
            kind: Kind::Flag,
            default: Some(Value::Flag(false)),
            doc: "without nuslerp_flatten: the vectors run along the first dimension (columns), as mergekit's do, not along the last",
            by_row: false,
        },
    ],
    check: None,
    formula: Formula::Combination(Combination { of: Vectors::TaskVectors, dots: Dots::Chosen(along), coefficients }),
};

/// The smallest sum of weights that gives a ratio.
const SMALLEST_SUM: f64 = 1e-6;
/// The smallest norm that a vector is divided by.
const SMALLEST_NORM: f64 = 1e-7;
/// Vectors count as parallel where 1 − cos² θ is at most this.
const PARALLEL: f64 = 1e-16;

fn along(arguments: &Arguments) -> Along {
    match (arguments.flag("nuslerp_flatten"), arguments.flag("nuslerp_row_wise")) {
        (true, _) => Along::Whole,
        (false, true) => Along::Columns,
        (false, false) => Along::Rows,
    }
}

fn coefficients(arguments: &Arguments, gram: Option<&Gram>) -> Coefficients {
    let gram = gram.ok_or(NO_GRAM)?;
    let weights = arguments.numbers("weight");
    let sum: f64 = weights.iter().sum();
    let t = if sum.abs() < SMALLEST_SUM { 0.5 } else { weights.last().copied().unwrap_or_default() / sum };
    let norm = |i: usize| gram.norm(i).max(SMALLEST_NORM);
    let cosine = (gram.dot(0, 1) / (norm(0) * norm(1))).clamp(-1.0, 1.0);
    if 1.0 - cosine * cosine <= PARALLEL {
        return Ok(vec![1.0 - t, t]);
    }
    let theta = libm::acos(cosine);
    let sine = libm::sin(theta);
    Ok(vec![libm::sin((1.0 - t) * theta) / sine, libm::sin(t * theta) / sine])
}
