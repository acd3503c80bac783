//! Averages changes that models share, and keeps changes of a single model whole.

use super::{Arguments, Base, Count, Formula, Joint, Kind, MergeMethod, Parameter, Scope, Value};

/// `out = base + Σ aᵢ·(xᵢ − base) / Σ aᵢ`, `aᵢ = [|xᵢ − base| > ε]`
pub(super) static RAM: MergeMethod = MergeMethod {
    name: "ram",
    summary: "averages each change over the models that made it, so that a change of one model alone stays whole",
    equation: "aᵢ = [|xᵢ − base| > ε];  out = base + Σ aᵢ·(xᵢ − base) / max(Σ aᵢ, 1)",
    origin: "Reinforced Agent Merging, arXiv:2601.13572; mergekit 0.1.5",
    when: "Fine-tunes that changed few elements each (reinforcement learning, sparse or partial training). On dense changes it is a plain average.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[EPSILON],
    check: None,
    formula: Formula::Joint(joint),
};

/// The magnitude above which a change counts.
pub(super) const EPSILON: Parameter = Parameter {
    name: "epsilon",
    scope: Scope::Shared,
    kind: Kind::Number { min: 0.0, max: f64::INFINITY },
    default: Some(Value::Number(1e-5)),
    doc: "magnitude above which an element of a task vector counts as changed",
    by_row: false,
};

fn joint(arguments: &Arguments) -> Joint {
    Joint::Overlap { epsilon: arguments.number("epsilon"), rate: 0.0, ceiling: 0.0 }
}
