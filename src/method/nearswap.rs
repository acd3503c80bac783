//! Moves the base to the other model's values where the two are near.

use super::{Arguments, Base, Count, Formula, Kind, MergeMethod, Pairwise, Parameter, Scope};

/// `out = w·x + (1 − w)·base`, `w = clamp(t / |base − x|, 0, 1)`
pub(super) static NEARSWAP: MergeMethod = MergeMethod {
    name: "nearswap",
    summary: "takes the other model's value where it is within t of the base's, and less of it further away",
    equation: "w = clamp(t / max(|base − x|, 1e-6), 0, 1);  out = w·x + (1 − w)·base",
    origin: "mergekit 0.1.5, after alchemonaut's QuartetAnemoi",
    when: "A base to be moved only where the other model agrees with it closely.",
    base: Base::Required,
    models: Count::Exactly(1),
    parameters: &[Parameter {
        name: "t",
        scope: Scope::Shared,
        kind: Kind::Number { min: 0.0, max: f64::INFINITY },
        default: None,
        doc: "distance up to which the other model's value is taken whole",
        by_row: true,
    }],
    check: None,
    formula: Formula::Pairwise(pairwise),
};

fn pairwise(arguments: &Arguments) -> Pairwise {
    Pairwise::Swap { t: arguments.number("t") }
}
