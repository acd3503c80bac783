//! What methods on whole matrices are computed from.

use super::Arguments;
use crate::kernel::{Mat, NotConverged};

/// The update of a matrix: what is added to the base.
pub type MatrixUpdate = fn(&Arguments, &mut TaskMatrices<'_>) -> Result<Mat<f64>, MatrixError>;

/// The task vectors of a matrix (differences from the base), read one at a time.
pub struct TaskMatrices<'a> {
    /// How many there are.
    pub count: usize,
    /// Reads one of them. It fails where a file can no longer be read, and the executor knows why.
    pub read: &'a mut dyn FnMut(usize) -> Result<Mat<f64>, MatrixError>,
}

/// Why a matrix has no update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixError {
    /// An input cannot be read.
    Unread,
    /// A decomposition does not converge.
    NotConverged,
}

impl From<NotConverged> for MatrixError {
    fn from(_: NotConverged) -> Self {
        Self::NotConverged
    }
}

impl TaskMatrices<'_> {
    /// The task vector of a model, times its `weight`.
    pub(super) fn weighted(&mut self, model: usize, weights: &[f64]) -> Result<Mat<f64>, MatrixError> {
        let mut matrix = (self.read)(model)?;
        let weight = weights.get(model).copied().unwrap_or(f64::NAN);
        matrix *= faer::Scale(weight);
        Ok(matrix)
    }
}

/// What such methods do with all other tensors: `λ` times the mean of the weighted task vectors.
pub(super) fn mean(arguments: &Arguments) -> Vec<f64> {
    let weights = arguments.numbers("weight");
    let factor = arguments.number("lambda") / weights.len().max(1) as f64;
    weights.iter().map(|weight| weight * factor).collect()
}

impl std::fmt::Debug for TaskMatrices<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TaskMatrices").field("count", &self.count).finish_non_exhaustive()
    }
}
