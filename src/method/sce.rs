//! Select by variance, calculate weights from energy, erase what disagrees.

use super::task_arithmetic::IGNORED;
use super::{Arguments, Base, Count, Formula, Joint, Kind, MergeMethod, Parameter, Scope, Value};

/// `out = base + Σ cᵢ·dᵢ·[sign dᵢ = s] / Σ cᵢ·[sign dᵢ = s]`
pub(super) static SCE: MergeMethod = MergeMethod {
    name: "sce",
    summary: "elements on which the models differ most, of the elected sign, weighted by each model's mean square change",
    equation: "dᵢ = (xᵢ − base)·[variance over the models among the largest select_topk];  cᵢ = mean(dᵢ²) / Σⱼ mean(dⱼ²), 1/K where that sum is below 1e-6;  s = sign(Σ dᵢ);  out = base + Σ cᵢ·dᵢ·[sign(dᵢ) = s] / max(Σ cᵢ·[sign(dᵢ) = s], 1e-6)",
    origin: "Wan et al. 2024, FuseChat (SCE), arXiv:2408.07990; floors of mergekit 0.1.5",
    when: "Fine-tunes on different tasks and no weights to choose: the model that changed a tensor most counts most there.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        Parameter {
            name: "select_topk",
            scope: Scope::Shared,
            kind: Kind::Number { min: 0.0, max: 1.0 },
            default: Some(Value::Number(1.0)),
            doc: "share of the elements with any variance that stay, largest variances first",
            by_row: false,
        },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: None,
    formula: Formula::Joint(joint),
};

fn joint(arguments: &Arguments) -> Joint {
    Joint::Consensus { share: arguments.number("select_topk") }
}
