//! Copies one model's tensor, scaled if asked.

use super::{
    Arguments, Base, Coefficients, Combination, Count, Dots, Formula, Kind, MergeMethod, Parameter, Scope, Value,
    Vectors,
};
use crate::kernel::Gram;

/// `out = scale·x`
pub(super) static PASSTHROUGH: MergeMethod = MergeMethod {
    name: "passthrough",
    summary: "one model's tensors as they are, or scaled; stacks layers with `slices`",
    equation: "out = scale·x",
    origin: "mergekit 0.1.5",
    when: "Layers stacked with `slices`, one model rescaled, or its format changed.",
    base: Base::Member,
    models: Count::Exactly(1),
    parameters: &[Parameter {
        name: "scale",
        scope: Scope::PerModel,
        kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
        default: Some(Value::Number(1.0)),
        doc: "factor on the tensor",
        by_row: true,
    }],
    check: None,
    formula: Formula::Combination(Combination { of: Vectors::Models, dots: Dots::Unneeded, coefficients }),
};

#[expect(clippy::unnecessary_wraps, reason = "other methods have none for some arguments")]
fn coefficients(arguments: &Arguments, _: Option<&Gram>) -> Coefficients {
    Ok(arguments.numbers("scale"))
}
