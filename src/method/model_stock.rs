//! Interpolates from the base towards the average of the models, further the more the models agree.

use super::slerp::NO_GRAM;
use super::{
    Along, Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter, Scope,
    Value, Vectors,
};
use crate::kernel::Gram;

/// `out = t·mean(xᵢ) + (1 − t)·base`, `t = N·cos θ / (1 + (N−1)·cos θ)`
pub(super) static MODEL_STOCK: MergeMethod = MergeMethod {
    name: "model_stock",
    summary: "between the base and the average of the models, nearer to the average the smaller the angle between them",
    equation: "cos θ = mean over pairs of (dᵢ·dⱼ) / max(|dᵢ|·|dⱼ|, 1e-6),  dᵢ = xᵢ − base;  t = N·cos θ / (1 + (N−1)·cos θ);  out = t·mean(xᵢ) + (1 − t)·base",
    origin: "Jang et al. 2024, Model Stock, arXiv:2403.19522; floors of mergekit 0.1.5",
    when: "Fine-tunes of one base on the same data that differ in seed or settings, and no weights to choose.",
    base: Base::Required,
    models: Count::AtLeast(2),
    parameters: &[Parameter {
        name: "filter_wise",
        scope: Scope::Shared,
        kind: Kind::Flag,
        default: Some(Value::Flag(false)),
        doc: "find an angle for each row of a tensor, not one for the whole",
        by_row: false,
    }],
    check: None,
    formula: Formula::Combination(Combination { of: Vectors::TaskVectors, dots: Dots::Chosen(along), coefficients }),
};

/// The smallest product of norms that a dot product is divided by.
const SMALLEST_PRODUCT: f64 = 1e-6;
/// With a smaller denominator nothing is interpolated and the base is kept.
const SINGULAR: f64 = 1e-6;

fn along(arguments: &Arguments) -> Along {
    if arguments.flag("filter_wise") { Along::Rows } else { Along::Whole }
}

fn coefficients(_: &Arguments, gram: Option<&Gram>) -> Coefficients {
    let gram = gram.ok_or(NO_GRAM)?;
    let count = gram.len();
    let mut sum = 0.0;
    for i in 0..count {
        for j in i + 1..count {
            let product = (gram.norm(i) * gram.norm(j)).max(SMALLEST_PRODUCT);
            sum += (gram.dot(i, j) / product).clamp(-1.0, 1.0);
        }
    }
    let n = count as f64;
    let cosine = sum / (n * (n - 1.0) / 2.0);
    let denominator = 1.0 + (n - 1.0) * cosine;
    let t = if denominator.abs() < SINGULAR { 0.0 } else { n * cosine / denominator };
    Ok(vec![t / n; count])
}
