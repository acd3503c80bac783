//! Weighted average of the models.

use super::{
    ArgumentError, Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter,
    Scope, Value, Vectors,
};
use crate::kernel::Gram;

/// `out = Σ wᵢ·xᵢ / Σ wᵢ`
pub(super) static LINEAR: MergeMethod = MergeMethod {
    name: "linear",
    summary: "weighted average of the models",
    equation: "out = Σ wᵢ·xᵢ / Σ wᵢ   (without `normalize`: out = Σ wᵢ·xᵢ)",
    origin: "Wortsman et al. 2022, Model soups, arXiv:2203.05482",
    when: "Two or more fine-tunes of one base, and no idea yet what works: the first thing to try. Equal weights are a uniform soup.",
    base: Base::Member,
    models: Count::AtLeast(1),
    parameters: &[
        Parameter {
            name: "weight",
            scope: Scope::PerModel,
            kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
            default: None,
            doc: "share of the model in the average",
            by_row: true,
        },
        Parameter {
            name: "normalize",
            scope: Scope::Shared,
            kind: Kind::Flag,
            default: Some(Value::Flag(true)),
            doc: "divide by the sum of the weights",
            by_row: false,
        },
    ],
    check: Some(|arguments| sum(arguments, "normalize").map(drop)),
    formula: Formula::Combination(Combination { of: Vectors::Models, dots: Dots::Unneeded, coefficients }),
};

fn coefficients(arguments: &Arguments, _: Option<&Gram>) -> Coefficients {
    let weights = arguments.numbers("weight");
    let sum = sum(arguments, "normalize").map_err(|error| error.reason)?;
    Ok(weights.iter().map(|weight| weight / sum).collect())
}

/// The divisor of the weights: their sum where the flag is set, else 1.
pub(super) fn sum(arguments: &Arguments, flag: &str) -> Result<f64, ArgumentError> {
    if !arguments.flag(flag) {
        return Ok(1.0);
    }
    let sum: f64 = arguments.numbers("weight").iter().sum();
    if sum.abs() < f64::EPSILON {
        return Err(ArgumentError {
            parameters: &["weight"],
            model: Some(0),
            reason: "the weights sum to zero and cannot be normalised".into(),
            hint: format!("`{flag}: false` takes the weights as they are"),
        });
    }
    Ok(sum)
}
