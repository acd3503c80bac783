//! Barycentric interpolation of several models on a sphere.

use super::linear::sum;
use super::slerp::NO_GRAM;
use super::task_arithmetic::WEIGHT;
use super::{
    ArgumentError, Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter,
    Scope, Value, Vectors,
};
use crate::kernel::Gram;

/// `out = base + (Σ wᵢ·|vᵢ|) · m / |m|`, `m = Σ wᵢ·vᵢ / |vᵢ|`
pub(super) static MULTISLERP: MergeMethod = MergeMethod {
    name: "multislerp",
    summary: "mean direction of several models, or of their differences from a base, at their mean length",
    equation: "vᵢ = xᵢ − base (xᵢ without a base);  uᵢ = vᵢ / |vᵢ|;  m = Σ wᵢ·uᵢ / |Σ wᵢ·uᵢ|;  g = Σ wᵢ·(uᵢ − (uᵢ·m)·m);  out = base + (Σ wᵢ·|vᵢ|) · (cos|g|·m + sin|g|·g/|g|)",
    origin: "mergekit 0.1.5; goddard.blog/posts/multislerp-wow-what-a-cool-idea",
    when: "Three or more models whose mean should not be shorter than they are: averaging vectors at wide angles shrinks them, and this does not.",
    base: Base::Optional,
    models: Count::AtLeast(1),
    parameters: &[
        Parameter { doc: "share of the model", ..WEIGHT },
        Parameter {
            name: "normalize_weights",
            scope: Scope::Shared,
            kind: Kind::Flag,
            default: Some(Value::Flag(true)),
            doc: "divide the weights by their sum",
            by_row: false,
        },
        Parameter {
            name: "eps",
            scope: Scope::Shared,
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some(Value::Number(1e-8)),
            doc: "added to norms that divide; a shorter mean direction is none",
            by_row: false,
        },
    ],
    check: Some(check),
    formula: Formula::Combination(Combination { of: Vectors::TaskVectors, dots: Dots::Whole, coefficients }),
};

/// A single model is taken with any weight.
fn check(arguments: &Arguments) -> Result<(), ArgumentError> {
    if arguments.models.len() == 1 { Ok(()) } else { sum(arguments, "normalize_weights").map(drop) }
}

fn coefficients(arguments: &Arguments, gram: Option<&Gram>) -> Coefficients {
    let gram = gram.ok_or(NO_GRAM)?;
    let mut weights = arguments.numbers("weight");
    if weights.len() == 1 {
        return Ok(vec![1.0]);
    }
    let sum = sum(arguments, "normalize_weights").map_err(|error| error.reason)?;
    for weight in &mut weights {
        *weight /= sum;
    }
    let eps = arguments.number("eps");
    // The mean direction in terms of the vectors. A vector of norm zero has coefficient zero even for eps 0.
    let unit = |i: usize| if gram.norm(i) + eps > 0.0 { 1.0 / (gram.norm(i) + eps) } else { 0.0 };
    let mean: Vec<f64> = weights.iter().enumerate().map(|(i, weight)| weight * unit(i)).collect();
    let norm = gram.quadratic(&mean).sqrt();
    if norm <= eps {
        // Vectors of length zero have no direction and need none: what they sum to is no longer than they are.
        let longest: f64 = weights.iter().enumerate().map(|(i, weight)| weight.abs() * gram.norm(i)).sum();
        return match weights.len() {
            _ if longest <= eps => Ok(weights),
            2 => Ok(weights),
            _ => Err("the weighted directions cancel each other and have no mean: choose other weights".into()),
        };
    }
    let length: f64 = weights.iter().enumerate().map(|(i, weight)| weight * gram.norm(i)).sum();
    // The tangent mean g is zero: Σ wᵢ·uᵢ is |Σ wᵢ·uᵢ|·m itself. What mergekit adds there is rounding.
    let factor = length * libm::cos(eps) / norm;
    Ok(mean.into_iter().map(|coefficient| coefficient * factor).collect())
}
