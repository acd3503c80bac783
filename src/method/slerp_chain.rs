//! Spherical interpolation of several models, one after another.

use super::slerp::{NO_GRAM, arc};
use super::{
    Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter, Scope, Vectors,
};
use crate::kernel::Gram;

/// `r₁ = x₁; rₖ = slerp(rₖ₋₁, xₖ, wₖ / (w₁ + … + wₖ))`
pub(super) static SLERP_CHAIN: MergeMethod = MergeMethod {
    name: "slerp_chain",
    summary: "slerp of the first two models, then of the result and the third, and so on in the order listed",
    equation: "r₁ = x₁;  rₖ = slerp(rₖ₋₁, xₖ, t = wₖ / (w₁ + … + wₖ));  out = r_K",
    origin: "slerp of Shoemake 1985, repeated; the order and the positions t, which papers leave open, are those of the formula",
    when: "The slerp of more than two checkpoints, say of one run. The result depends on the order of the models; karcher and multislerp do not.",
    base: Base::Member,
    models: Count::AtLeast(1),
    parameters: &[Parameter {
        name: "weight",
        scope: Scope::PerModel,
        kind: Kind::Number { min: 0.0, max: f64::INFINITY },
        default: None,
        doc: "share of the model: the first step goes from the first model to the second by w₂ / (w₁ + w₂)",
        by_row: true,
    }],
    check: None,
    formula: Formula::Combination(Combination { of: Vectors::Models, dots: Dots::Whole, coefficients }),
};

fn coefficients(arguments: &Arguments, gram: Option<&Gram>) -> Coefficients {
    let gram = gram.ok_or(NO_GRAM)?;
    let weights = arguments.numbers("weight");
    let mut result = vec![0.0; weights.len()];
    let mut sum = 0.0;
    for (model, weight) in weights.iter().enumerate() {
        sum += weight;
        // Models of weight zero at the start are skipped.
        if sum <= 0.0 {
            continue;
        }
        let t = weight / sum;
        let dot: f64 = (0..model).map(|i| result[i] * gram.dot(i, model)).sum();
        let norm = gram.quadratic(&result).sqrt();
        let [from, to] = if t < 1.0 { arc(t, dot, norm, gram.norm(model)) } else { [0.0, 1.0] };
        for coefficient in &mut result[..model] {
            *coefficient *= from;
        }
        result[model] = to;
    }
    if sum > 0.0 { Ok(result) } else { Err("all weights are zero".into()) }
}
