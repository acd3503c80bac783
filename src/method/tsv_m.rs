//! Task singular vectors: each task vector's strongest directions, made orthogonal to those of the others.

use super::task_arithmetic::{LAMBDA, WEIGHT};
use super::task_matrices::{MatrixError, TaskMatrices, mean};
use super::{Arguments, Base, Count, Formula, Matrices, MergeMethod, Parameter, Value};
use crate::kernel::{Mat, svd};

/// `out = base + λ·U⊥·diag(w₁·S₁, w₂·S₂, …)·V⊥ᵀ`
pub(super) static TSV_M: MergeMethod = MergeMethod {
    name: "tsv_m",
    summary: "the strongest 1/K of each task vector's directions, made orthogonal to those of the others",
    equation: "Uᵢ·Sᵢ·Vᵢᵀ = the largest min(rows, columns)/K singular values of xᵢ − base;  U⊥ = the nearest orthogonal matrix to [U₁ … U_K], V⊥ likewise;  out = base + λ·U⊥·diag(w₁·S₁, …, w_K·S_K)·V⊥ᵀ   (matrices of layers; elsewhere base + λ·mean of wᵢ·(xᵢ − base))",
    origin: "Gargiulo et al. 2025, Task singular vectors: reducing task interference in model merging, arXiv:2412.00081",
    when: "Several fine-tunes whose changes get into each other's way. Whole task vectors are kept, each in directions of its own.",
    base: Base::Required,
    models: Count::AtLeast(0),
    parameters: &[TASK_WEIGHT, Parameter { by_row: false, ..LAMBDA }],
    check: None,
    formula: Formula::Matrices(Matrices { update, elsewhere: mean }),
};

/// The weight of a task vector whose matrix is decomposed.
pub(super) const TASK_WEIGHT: Parameter = Parameter { default: Some(Value::Number(1.0)), by_row: false, ..WEIGHT };

fn update(arguments: &Arguments, tasks: &mut TaskMatrices<'_>) -> Result<Mat<f64>, MatrixError> {
    let (weights, ones) = (arguments.numbers("weight"), vec![1.0; tasks.count]);
    let (mut left, mut values, mut right) = (Vec::new(), Vec::new(), Vec::new());
    let mut shape = (0, 0);
    for (model, weight) in weights.iter().enumerate() {
        let matrix = tasks.weighted(model, &ones)?;
        shape = (matrix.nrows(), matrix.ncols());
        let parts = svd(&matrix)?;
        let share = (shape.0.min(shape.1) / tasks.count).max(1);
        for (index, value) in parts.values.iter().take(share).enumerate() {
            left.extend(parts.u.col(index).iter().copied());
            values.push(weight * value * arguments.number("lambda"));
            right.extend(parts.v.col(index).iter().copied());
        }
    }
    let side = |columns: Vec<f64>, rows: usize| nearest_orthogonal(&from_columns(&columns, rows, values.len()));
    let (left, right) = (side(left, shape.0)?, side(right, shape.1)?);
    let scaled = Mat::from_fn(left.nrows(), left.ncols(), |row, column| left[(row, column)] * values[column]);
    Ok(scaled * right.transpose())
}

fn from_columns(values: &[f64], rows: usize, columns: usize) -> Mat<f64> {
    Mat::from_fn(rows, columns, |row, column| values[column * rows + row])
}

/// `P·Qᵀ` of a matrix `P·D·Qᵀ`.
fn nearest_orthogonal(matrix: &Mat<f64>) -> Result<Mat<f64>, MatrixError> {
    Ok(svd(matrix)?.with_values(|_| 1.0))
}
