//! Spherical interpolation between two models.

use super::{
    Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter, Scope, Vectors,
};
use crate::kernel::Gram;

/// `out = sin((1−t)θ)/sin θ · base + sin(tθ)/sin θ · x`, θ the angle between the two tensors.
pub(super) static SLERP: MergeMethod = MergeMethod {
    name: "slerp",
    summary: "spherical interpolation from the base (t = 0) to the other model (t = 1)",
    equation: "out = sin((1−t)·θ)/sin θ · base + sin(t·θ)/sin θ · x,   cos θ = base·x / (|base|·|x|); linear where |cos θ| > 0.9995",
    origin: "Shoemake 1985, Animating rotation with quaternion curves; thresholds of mergekit 0.1.5",
    when: "Two models that should keep the length of their weight vectors. For fine-tunes of one base the angle is so small that it equals `linear` with weights 1 − t and t.",
    base: Base::Required,
    models: Count::Exactly(1),
    parameters: &[Parameter {
        name: "t",
        scope: Scope::Shared,
        kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
        default: None,
        doc: "position between the base (0) and the other model (1)",
        by_row: true,
    }],
    check: None,
    formula: Formula::Combination(Combination { of: Vectors::Models, dots: Dots::Whole, coefficients }),
};

/// Above this |cos θ| the chord replaces the arc, because sin θ is too small to divide by.
const COLINEAR: f64 = 0.9995;
/// A tensor of a smaller norm has no direction; it enters the angle as it is.
const NO_DIRECTION: f64 = 1e-8;

fn coefficients(arguments: &Arguments, gram: Option<&Gram>) -> Coefficients {
    let gram = gram.ok_or(NO_GRAM)?;
    Ok(arc(arguments.number("t"), gram.dot(0, 1), gram.norm(0), gram.norm(1)).to_vec())
}

/// The coefficients of two vectors at position `t` of the arc between them, given their dot product and norms.
pub(super) fn arc(t: f64, dot: f64, from: f64, to: f64) -> [f64; 2] {
    let unit = |norm: f64| if norm > NO_DIRECTION { norm } else { 1.0 };
    let cosine = (dot / (unit(from) * unit(to))).clamp(-1.0, 1.0);
    if cosine.is_nan() || cosine.abs() > COLINEAR {
        return [1.0 - t, t];
    }
    let theta = libm::acos(cosine);
    let sine = libm::sin(theta);
    [libm::sin((1.0 - t) * theta) / sine, libm::sin(t * theta) / sine]
}

/// The executor gives the Gram matrix to every method that declares that it needs one.
pub(super) const NO_GRAM: &str = "the dot products of its inputs are missing";
