//! Isotropic merging: the sum of the task vectors, equally strong in all its directions.

use super::task_arithmetic::LAMBDA;
use super::task_matrices::{MatrixError, TaskMatrices, mean};
use super::tsv_m::TASK_WEIGHT;
use super::{Arguments, Base, Count, Formula, Matrices, MergeMethod, Parameter};
use crate::kernel::{Mat, svd};

/// `out = base + λ·mean(S)·U·Vᵀ` with `U·S·Vᵀ = Σ wᵢ·(xᵢ − base)`
pub(super) static ISO_C: MergeMethod = MergeMethod {
    name: "iso_c",
    summary: "the sum of the task vectors with all its singular values made equal, so that no direction drowns another",
    equation: "U·S·Vᵀ = Σ wᵢ·(xᵢ − base);  out = base + λ·mean(S)·U·Vᵀ   (matrices of layers; elsewhere base + λ·mean of wᵢ·(xᵢ − base))",
    origin: "Marczak et al. 2025, No task left behind: isotropic model merging with common and task-specific subspaces, arXiv:2502.04959",
    when: "Several fine-tunes of one base of which some changed it far more than others. Sweep `lambda`: the update is larger than that of task_arithmetic.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[TASK_WEIGHT, Parameter { by_row: false, ..LAMBDA }],
    check: None,
    formula: Formula::Matrices(Matrices { update, elsewhere: mean }),
};

fn update(arguments: &Arguments, tasks: &mut TaskMatrices<'_>) -> Result<Mat<f64>, MatrixError> {
    let weights = arguments.numbers("weight");
    let mut sum = tasks.weighted(0, &weights)?;
    for model in 1..tasks.count {
        sum += tasks.weighted(model, &weights)?;
    }
    let parts = svd(&sum)?;
    let mean = parts.values.iter().sum::<f64>() / parts.values.len().max(1) as f64;
    Ok(parts.with_values(|_| mean * arguments.number("lambda")))
}
