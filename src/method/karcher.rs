//! The mean of several models on the sphere.

use super::slerp::NO_GRAM;
use super::{
    Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter, Scope, Value,
    Vectors,
};
use crate::kernel::Gram;

/// The unit vector with the least sum of squared angles to the models' directions, at their mean length.
pub(super) static KARCHER: MergeMethod = MergeMethod {
    name: "karcher",
    summary: "the direction with the least squared angles to those of all models, at their mean length",
    equation: "uᵢ = xᵢ / |xᵢ|;  m = argmin Σ ∠(m, uᵢ)²,  found by m ← cos|g|·m + sin|g|·g/|g|,  g = mean of θᵢ/sin θᵢ · (uᵢ − cos θᵢ·m);  out = mean|xᵢ| · m",
    origin: "Karcher 1977, Riemannian center of mass; mergekit 0.1.5; arXiv:2603.04972",
    when: "Three or more models that count alike, where a mean on the sphere is wanted that does not depend on their order. Without weights.",
    base: Base::Member,
    models: Count::AtLeast(1),
    parameters: &[
        Parameter {
            name: "max_iter",
            scope: Scope::Shared,
            kind: Kind::Whole { min: 0, max: 1_000_000 },
            default: Some(Value::Number(10.0)),
            doc: "most steps; with 0 the direction is that of the mean of the unit vectors",
            by_row: false,
        },
        Parameter {
            name: "tol",
            scope: Scope::Shared,
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some(Value::Number(1e-5)),
            doc: "length of a step at which to stop; smaller norms and angles count as none",
            by_row: false,
        },
    ],
    check: None,
    formula: Formula::Combination(Combination { of: Vectors::Models, dots: Dots::Whole, coefficients }),
};

/// Vectors are represented by their coefficients on the models' unit vectors, so a step costs K² operations for tensors of
/// any size.
fn coefficients(arguments: &Arguments, gram: Option<&Gram>) -> Coefficients {
    let gram = gram.ok_or(NO_GRAM)?;
    let (count, tol) = (gram.len(), arguments.number("tol"));
    if count == 1 {
        return Ok(vec![1.0]);
    }
    let norms: Vec<f64> = (0..count).map(|i| gram.norm(i)).collect();
    let valid: Vec<usize> = (0..count).filter(|i| norms[*i] > tol && norms[*i] > 0.0).collect();
    if valid.is_empty() {
        return Ok(vec![0.0; count]);
    }
    let units = gram.units(&valid);
    let share = 1.0 / valid.len() as f64;
    let mut mean = vec![share; valid.len()];
    let norm = units.quadratic(&mean).sqrt();
    if norm < tol || norm <= 0.0 {
        mean.fill(0.0);
        mean[0] = 1.0;
    } else {
        scale(&mut mean, 1.0 / norm);
    }
    #[expect(clippy::cast_sign_loss, reason = "the parameter is not negative")]
    let steps = arguments.number("max_iter") as u32;
    for _ in 0..steps {
        let tangent = tangent(&units, &mean, share, tol);
        let length = units.quadratic(&tangent).sqrt();
        if length < tol || length <= 0.0 {
            break;
        }
        let (sine, cosine) = (libm::sin(length), libm::cos(length));
        for (mean, tangent) in mean.iter_mut().zip(&tangent) {
            *mean = cosine * *mean + sine * tangent / length;
        }
        let norm = units.quadratic(&mean).sqrt();
        if norm > tol {
            scale(&mut mean, 1.0 / norm);
        }
    }
    let length = norms.iter().sum::<f64>() / count as f64;
    let mut all = vec![0.0; count];
    for (i, coefficient) in valid.iter().zip(&mean) {
        all[*i] = length * coefficient / norms[*i];
    }
    Ok(all)
}

/// The mean of the logarithms of the unit vectors at `mean`.
fn tangent(units: &Gram, mean: &[f64], share: f64, tol: f64) -> Vec<f64> {
    let mut tangent = vec![0.0; mean.len()];
    for i in 0..mean.len() {
        let dot: f64 = mean.iter().enumerate().map(|(j, m)| m * units.dot(i, j)).sum();
        let dot = dot.clamp(-1.0, 1.0);
        let theta = libm::acos(dot);
        let sine = libm::sin(theta);
        if theta < tol || sine <= 0.0 {
            continue;
        }
        let factor = share * theta / sine;
        for (j, (tangent, m)) in tangent.iter_mut().zip(mean).enumerate() {
            *tangent += factor * (if i == j { 1.0 } else { 0.0 } - dot * m);
        }
    }
    tangent
}

fn scale(vector: &mut [f64], factor: f64) {
    for x in vector {
        *x *= factor;
    }
}
