//! Removes the smallest and largest elements of task vectors, then elects a sign.

use super::breadcrumbs::{GAMMA, MIDDLE_DENSITY, middle};
use super::task_arithmetic::{IGNORED, LAMBDA, NORMALIZE, WEIGHT};
use super::ties::RESCALE;
use super::{Base, Count, Formula, MergeMethod, Parameter, Value};

/// `breadcrumbs` with the sign election of `ties`.
pub(super) static BREADCRUMBS_TIES: MergeMethod = MergeMethod {
    name: "breadcrumbs_ties",
    summary: "drop the smallest and the largest elements of each task vector, elect a sign, sum what agrees",
    equation: "mᵢ as in breadcrumbs;  dᵢ = mᵢ·(xᵢ − base);  s = sign(Σ wᵢ·dᵢ);  out = base + λ·Σ wᵢ·dᵢ·[sign(wᵢ·dᵢ) = s]",
    origin: "Davari and Belilovsky 2023 (Model Breadcrumbs), arXiv:2312.06795, with the election of Yadav et al. 2023 (TIES), arXiv:2306.01708; mergekit 0.1.5",
    when: "As breadcrumbs, where the fine-tunes also pull in opposite directions.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[
        WEIGHT,
        MIDDLE_DENSITY,
        GAMMA,
        LAMBDA,
        Parameter { default: Some(Value::Flag(false)), ..NORMALIZE },
        Parameter { default: Some(Value::Flag(false)), ..RESCALE },
        Parameter { name: "int8_mask", ..IGNORED },
    ],
    check: None,
    formula: Formula::MaskedSum(middle),
};
