//! Linear layers: weights, and plain tensor operations.

use candle_core::{D, Result as Computed, Tensor};
use rayon::prelude::*;

use super::super::error::Error;
use super::super::recorder::Tap;
use super::super::source::Loader;
use super::super::tensor_names::Up;
use crate::kernel::{self, Activation, Finish, PackedWeights, SimdLevel, Threads};

/// `x · weight + bias`.
#[derive(Debug)]
pub(in crate::encoder) struct Linear {
    weight: Weight,
    inputs: usize,
    outputs: usize,
    bias: Option<Tensor>,
    /// A copy of the bias for fused operations on the CPU, zeros if there is none; empty on other devices.
    cpu_bias: Vec<f32>,
    /// Where its inputs are recorded.
    tap: Option<Tap>,
}

/// The weights of a linear layer.
#[derive(Debug)]
pub(in crate::encoder) enum Weight {
    /// As inputs × outputs, so that a row of the product is a sum of whole rows.
    Plain(Tensor),
    /// For the processor's products in bfloat16.
    Packed(Box<PackedWeights>),
}

impl Linear {
    /// Loads `name.weight` and, if it is `biased`, `name.bias`.
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        name: &str,
        inputs: usize,
        outputs: usize,
        biased: bool,
    ) -> Result<Self, Error> {
        Self::concatenated(loader, &[(name, outputs)], inputs, biased)
    }

    /// Loads a layer whose weight and bias have names of their own.
    pub(in crate::encoder) fn of_names(
        loader: &Loader<'_>,
        (weight, bias): (&str, Option<&str>),
        inputs: usize,
        outputs: usize,
    ) -> Result<Self, Error> {
        let weights = loader.values(weight, &[outputs, inputs])?;
        let biases = match bias.filter(|bias| loader.has(bias)) {
            Some(bias) => loader.values(bias, &[outputs])?,
            None => Vec::new(),
        };
        Self::place(loader, &weights, biases, inputs, &[])
    }

    /// Loads several layers with the same input as one. Each has a name and a number of outputs.
    pub(in crate::encoder) fn concatenated(
        loader: &Loader<'_>,
        parts: &[(&str, usize)],
        inputs: usize,
        biased: bool,
    ) -> Result<Self, Error> {
        let (weights, biases) = read(loader, parts, inputs, biased)?;
        Self::place(loader, &weights, biases, inputs, parts)
    }

    /// Loads the layer to the inner width: a plain one, or a gated one with the rows of the gate first.
    pub(in crate::encoder) fn up(
        loader: &Loader<'_>,
        up: &Up,
        name: impl Fn(&str) -> String,
        inputs: usize,
        biased: bool,
    ) -> Result<(Self, usize), Error> {
        let rows = |part: &str| Ok::<_, Error>(loader.dimensions(&format!("{}.weight", name(part)))?.0);
        let (names, rows, inner) = match *up {
            Up::Plain(part) => (vec![name(part)], rows(part)?, rows(part)?),
            Up::Gated(gate, part) => (vec![name(gate), name(part)], rows(gate)?, rows(gate)?),
            Up::GateFirst(part) | Up::GateLast(part) => (vec![name(part)], rows(part)?, rows(part)? / 2),
        };
        if !matches!(up, Up::Plain(_)) && names.len() * rows != 2 * inner {
            let problem = format!("`{}.weight` has {rows} rows, expected two equal parts", names.join(""));
            return Err(Error::setting(&loader.path.join("model.safetensors"), problem));
        }
        let parts: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), rows)).collect();
        let (mut weights, mut biases) = read(loader, &parts, inputs, biased)?;
        let rotated = if matches!(up, Up::GateLast(_)) { inner } else { 0 };
        weights.rotate_left(rotated * inputs);
        biases.rotate_left(if biased { rotated } else { 0 });
        Ok((Self::place(loader, &weights, biases, inputs, &parts)?, inner))
    }

    /// Builds a layer from rows of `inputs` weights each, and one bias for each row or none. They are those of the named
    /// layers of the file; none are named where the weights are computed from others.
    pub(in crate::encoder) fn place(
        loader: &Loader<'_>,
        weights: &[f32],
        biases: Vec<f32>,
        inputs: usize,
        names: &[(&str, usize)],
    ) -> Result<Self, Error> {
        let outputs = weights.len() / inputs;
        let weight = match loader.packing() {
            Some((level, parts)) => {
                Weight::Packed(Box::new(PackedWeights::new(level, weights, &biases, inputs, parts)))
            }
            None => Weight::Plain(loader.place(transposed(weights, inputs), &[inputs, outputs])?),
        };
        let cpu_bias = match (loader.device.is_cpu(), biases.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => vec![0.0; outputs],
            (true, false) => biases.clone(),
        };
        let bias = if biases.is_empty() { None } else { Some(loader.place(biases, &[outputs])?) };
        let tap = loader.source.recorder().filter(|_| !names.is_empty());
        let weights = || names.iter().map(|(name, _)| format!("{name}.weight")).collect();
        let tap = tap.map(|recorder| Tap::new(recorder, inputs, weights()));
        Ok(Self { weight, inputs, outputs, bias, cpu_bias, tap })
    }

    /// Computes `activation(x · weight + bias)`.
    pub(in crate::encoder) fn forward(&self, x: &Tensor, activation: Activation) -> Computed<Tensor> {
        if self.tap.is_some() && x.device().is_cpu() && x.rank() == 2 {
            // The bias and the activation in one pass behind the product.
            let product = self.multiply(x)?;
            let mut rows = product.flatten_all()?.to_vec1::<f32>()?;
            kernel::bias_activation(SimdLevel::best(), &mut rows, &self.cpu_bias, activation);
            return Tensor::from_vec(rows, product.shape(), product.device());
        }
        apply(activation, &self.affine(x)?)
    }

    /// Computes the activation of the first half of the outputs, times the second half.
    pub(in crate::encoder) fn gated(&self, x: &Tensor, activation: Activation) -> Computed<Tensor> {
        let both = self.affine(x)?;
        let half = both.dim(D::Minus1)? / 2;
        let gate = apply(activation, &both.narrow(D::Minus1, 0, half)?.contiguous()?)?;
        gate * both.narrow(D::Minus1, half, half)?
    }

    pub(in crate::encoder) fn weight(&self) -> &Weight {
        &self.weight
    }

    pub(in crate::encoder) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(in crate::encoder) fn outputs(&self) -> usize {
        self.outputs
    }

    pub(in crate::encoder) fn is_biased(&self) -> bool {
        self.bias.is_some()
    }

    /// The bias on the CPU, zeros if there is none.
    pub(in crate::encoder) fn cpu_bias(&self) -> &[f32] {
        &self.cpu_bias
    }

    fn affine(&self, x: &Tensor) -> Computed<Tensor> {
        let product = self.multiply(x)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }

    /// `x · weight`, after the inputs were recorded.
    pub(in crate::encoder) fn multiply(&self, x: &Tensor) -> Computed<Tensor> {
        if let Some(tap) = &self.tap {
            tap.record(x);
        }
        match &self.weight {
            Weight::Plain(weight) => x.matmul(weight),
            Weight::Packed(weights) => {
                let rows = x.flatten_all()?.to_vec1::<f32>()?;
                let mut out = vec![0.0; rows.len() / self.inputs.max(1) * self.outputs];
                kernel::multiply_packed(&rows, weights, Finish::Plain, &mut out, Threads::All);
                let shape: Vec<usize> = x.dims().iter().rev().skip(1).rev().copied().chain([self.outputs]).collect();
                Tensor::from_vec(out, shape, x.device())
            }
        }
    }
}

/// Transposes a matrix with rows of `width` numbers, on all threads.
fn transposed(matrix: &[f32], width: usize) -> Vec<f32> {
    /// The side of a square block that stays in the cache.
    const SQUARE: usize = 32;
    let height = matrix.len() / width.max(1);
    let mut out = vec![0.0; matrix.len()];
    out.par_chunks_mut((SQUARE * height).max(1)).enumerate().for_each(|(index, out)| {
        let columns = index * SQUARE..((index + 1) * SQUARE).min(width);
        for start in (0..height).step_by(SQUARE) {
            let rows = start..(start + SQUARE).min(height);
            for (column, out) in columns.clone().zip(out.chunks_exact_mut(height)) {
                for (row, out) in rows.clone().zip(&mut out[rows.clone()]) {
                    *out = matrix[row * width + column];
                }
            }
        }
    });
    out
}

/// Reads the weights of layers with the same input, one row for each output, and their biases, or none.
fn read(
    loader: &Loader<'_>,
    parts: &[(&str, usize)],
    inputs: usize,
    biased: bool,
) -> Result<(Vec<f32>, Vec<f32>), Error> {
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for &(name, outputs) in parts {
        weights.extend(loader.values(&format!("{name}.weight"), &[outputs, inputs])?);
        if biased {
            biases.extend(loader.values(&format!("{name}.bias"), &[outputs])?);
        }
    }
    Ok((weights, biases))
}

/// Applies the activation in plain tensor operations.
fn apply(activation: Activation, x: &Tensor) -> Computed<Tensor> {
    match activation {
        Activation::Identity => Ok(x.clone()),
        Activation::Gelu => x.gelu_erf(),
        Activation::GeluTanh => x.gelu(),
        Activation::Relu => x.relu(),
        Activation::Silu => x.silu(),
        Activation::Tanh => x.tanh(),
        Activation::Sigmoid => candle_nn::ops::sigmoid(x),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_transposed() {
        for (height, width) in [(1, 1), (3, 70), (70, 3), (33, 65)] {
            let matrix: Vec<f32> = (0..height * width).map(|index| index as f32).collect();
            let out = transposed(&matrix, width);
            let right =
                |(index, x): (usize, &f32)| x.to_bits() == matrix[index % height * width + index / height].to_bits();
            assert!(out.iter().enumerate().all(right), "{height} × {width}");
        }
    }
}
