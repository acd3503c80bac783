//! Averages changes that models share, and reinforces changes of a single model.

use super::ram::EPSILON;
use super::{Arguments, Base, Count, Formula, Joint, Kind, MergeMethod, Parameter, Scope, Value};

/// `ram` with a factor on changes of a single model.
pub(super) static RAMPLUS_TL: MergeMethod = MergeMethod {
    name: "ramplus_tl",
    summary: "as ram, with the changes that one model alone made enlarged where it shares many others",
    equation: "aᵢ = [|xᵢ − base| > ε];  ρᵢ = #(aᵢ, shared) / max(#(aᵢ, alone), ε) in the tensor;  out = base + Σ aᵢ·(xᵢ − base)·(1 + r·clamp(ρᵢ, 0, α) where Σ aᵢ = 1, else 1 / Σ aᵢ)",
    origin: "Reinforced Agent Merging (RAM+, tensor-local), arXiv:2601.13572; mergekit 0.1.5",
    when: "As ram, to make up for what averaging took from models whose changes are mostly shared.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        EPSILON,
        Parameter {
            name: "r",
            scope: Scope::Shared,
            kind: Kind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY },
            default: Some(Value::Number(0.1)),
            doc: "factor on ρ",
            by_row: false,
        },
        Parameter {
            name: "alpha",
            scope: Scope::Shared,
            kind: Kind::Number { min: 0.0, max: f64::INFINITY },
            default: Some(Value::Number(0.2)),
            doc: "largest ρ that counts",
            by_row: false,
        },
    ],
    check: None,
    formula: Formula::Joint(joint),
};

fn joint(arguments: &Arguments) -> Joint {
    Joint::Overlap {
        epsilon: arguments.number("epsilon"),
        rate: arguments.number("r"),
        ceiling: arguments.number("alpha"),
    }
}
