//! The matrices that come closest to what every model's layers do with their own inputs.

use super::{
    ArgumentError, Arguments, Base, Count, Formula, Kind, MatrixError, MergeMethod, ModelLayer, Parameter, Regression,
    RegressionSums, Scope, Value,
};
use crate::kernel::{Mat, product, product_with_inverse};

/// `out = (Σ wᵢ·Wᵢ·Gᵢ)·(Σ wᵢ·Gᵢ)⁻¹`
pub(super) static REGMEAN: MergeMethod = MergeMethod {
    name: "regmean",
    summary: "for each linear layer the matrix whose outputs are closest to those of every model, on inputs from a few hundred texts",
    equation: "Gᵢ = Xᵢᵀ·Xᵢ / tokens, off the diagonal times alpha;  out = (Σ wᵢ·Wᵢ·Gᵢ)·(Σ wᵢ·Gᵢ)⁻¹   (linear layers, with Xᵢ their inputs in model i; elsewhere Σ wᵢ·xᵢ / Σ wᵢ)",
    origin: "Jin et al. 2023, Dataless knowledge fusion by merging weights of language models (RegMean), arXiv:2212.09849; with `merged_activations` as in Nguyen et al. 2025 (RegMean++), arXiv:2508.03121",
    when: "A few hundred texts of each model's task or language are at hand, without judgements. `texts` names them, of all models or of each.",
    base: Base::Member,
    models: Count::AtLeast(1),
    parameters: &[
        Parameter {
            name: "weight",
            scope: Scope::PerModel,
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some(Value::Number(1.0)),
            doc: "how much the model's outputs count",
            by_row: true,
        },
        Parameter {
            name: "alpha",
            scope: Scope::Shared,
            kind: Kind::Number { min: 0.0, max: 1.0 },
            default: Some(Value::Number(0.9)),
            doc: "factor on what different inputs of a layer have in common; 0 weighs each input by its own size, 1 trusts few texts too much",
            by_row: false,
        },
        Parameter {
            name: "merged_activations",
            scope: Scope::Shared,
            kind: Kind::Flag,
            default: Some(Value::Flag(false)),
            doc: "take the inputs of a layer from the merged layers in front of it, not from the model's own (RegMean++)",
            by_row: false,
        },
    ],
    check: Some(|arguments| sum(arguments).map(drop)),
    formula: Formula::Regression(Regression { add, solve, mean, follows_merge }),
};

/// Adds `wᵢ·Gᵢ`, and `(Wᵢ − W̄)·wᵢ·Gᵢ` with the weighted mean `W̄`.
fn add(arguments: &Arguments, layer: &ModelLayer<'_>, mut gram: Mat<f64>, sums: &mut RegressionSums) {
    let alpha = arguments.number("alpha");
    let weight = arguments.numbers("weight").get(layer.model).copied().unwrap_or(f64::NAN);
    for column in 0..gram.ncols() {
        for row in 0..gram.nrows() {
            gram[(row, column)] *= if row == column { weight } else { weight * alpha };
        }
    }
    sums.products += product(layer.difference, &gram);
    sums.gram += gram;
}

/// `W̄ + (Σ (Wᵢ − W̄)·wᵢ·Gᵢ)·(Σ wᵢ·Gᵢ)⁻¹` is the same matrix, and loses no digits where models are alike. Inputs that no text
/// has keep the mean.
fn solve(sums: &RegressionSums, mean: &Mat<f64>) -> Result<Mat<f64>, MatrixError> {
    Ok(mean + product_with_inverse(&sums.products, &sums.gram)?)
}

fn mean(arguments: &Arguments) -> Vec<f64> {
    let weights = arguments.numbers("weight");
    let sum = sum(arguments).unwrap_or(f64::NAN);
    weights.iter().map(|weight| weight / sum).collect()
}

fn follows_merge(arguments: &Arguments) -> bool {
    arguments.flag("merged_activations")
}

/// The sum of the weights.
fn sum(arguments: &Arguments) -> Result<f64, ArgumentError> {
    let sum: f64 = arguments.numbers("weight").iter().sum();
    if sum >= f64::MIN_POSITIVE {
        return Ok(sum);
    }
    Err(ArgumentError {
        parameters: &["weight"],
        model: Some(0),
        reason: "the weights of all models are 0".into(),
        hint: "give at least one model a `weight` above 0".into(),
    })
}
