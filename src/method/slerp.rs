//! Spherical interpolation between two models.

use super::{Arguments, Base, Coefficients, Combination, Count, Declaration, Kind, Parameter, Scope, Shape, Vectors};
use crate::kernel::Gram;

/// `out = sin((1−t)θ)/sin θ · base + sin(tθ)/sin θ · x`, θ the angle between the two tensors.
pub(super) static SLERP: Declaration = Declaration {
    name: "slerp",
    summary: "spherical interpolation from the base (t = 0) to the other model (t = 1)",
    formula: "out = sin((1−t)·θ)/sin θ · base + sin(t·θ)/sin θ · x,   cos θ = base·x / (|base|·|x|); linear where |cos θ| > 0.9995",
    origin: "Shoemake 1985, Animating rotation with quaternion curves; thresholds of mergekit 0.1.5",
    base: Base::Required,
    models: Count::Exactly(1),
    parameters: &[Parameter {
        name: "t",
        scope: Scope::Shared,
        kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
        default: None,
        doc: "position between the base (0) and the other model (1)",
    }],
    shape: Shape::Combination(Combination { of: Vectors::Models, gram: true, coefficients }),
};

/// Above this |cos θ| the arc is as good as its chord, and sin θ too small to divide by.
const COLINEAR: f64 = 0.9995;
/// A tensor of a smaller norm has no direction; it enters the angle as it is.
const NO_DIRECTION: f64 = 1e-8;

fn coefficients(arguments: &Arguments, gram: Option<&Gram>) -> Coefficients {
    let t = arguments.number("t");
    let gram = gram.ok_or("slerp needs the Gram matrix of its inputs")?;
    let unit = |norm: f64| if norm > NO_DIRECTION { norm } else { 1.0 };
    let cosine = (gram.dot(0, 1) / (unit(gram.norm(0)) * unit(gram.norm(1)))).clamp(-1.0, 1.0);
    if cosine.is_nan() || cosine.abs() > COLINEAR {
        return Ok(vec![1.0 - t, t]);
    }
    let theta = libm::acos(cosine);
    let sine = libm::sin(theta);
    Ok(vec![libm::sin((1.0 - t) * theta) / sine, libm::sin(t * theta) / sine])
}
