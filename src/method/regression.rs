//! What methods that fit the matrices of layers to the layers' inputs are computed from.

use super::{Arguments, MatrixError};
use crate::kernel::Mat;

/// A method that fits the matrix of a linear layer to the inputs that the layer gets in each model.
#[derive(Debug)]
pub struct Regression {
    /// Adds one of the models to the sums.
    pub add: fn(&Arguments, &ModelLayer<'_>, gram: Mat<f64>, &mut RegressionSums),
    /// The matrix of the layer, from the sums over all models and the weighted mean of the models' matrices.
    pub solve: fn(&RegressionSums, mean: &Mat<f64>) -> Result<Mat<f64>, MatrixError>,
    /// The coefficients of the weighted mean, which every other tensor is merged by.
    pub mean: fn(&Arguments) -> Vec<f64>,
    /// Whether a model's inputs come from the merged layers in front of the layer, and not from the model's own.
    pub follows_merge: fn(&Arguments) -> bool,
}

/// A layer in one of the models.
#[derive(Debug)]
pub struct ModelLayer<'a> {
    /// The index of the model.
    pub model: usize,
    /// How far its matrix is from the weighted mean of all models.
    pub difference: &'a Mat<f64>,
}

/// Sums over the models.
#[derive(Debug)]
pub struct RegressionSums {
    /// The weighted Gram matrices of inputs.
    pub gram: Mat<f64>,
    /// The products of the models' differences with them.
    pub products: Mat<f64>,
}

impl RegressionSums {
    /// Sums of nothing, for a layer with so many outputs and inputs.
    pub fn new(outputs: usize, inputs: usize) -> Self {
        Self { gram: Mat::zeros(inputs, inputs), products: Mat::zeros(outputs, inputs) }
    }
}
