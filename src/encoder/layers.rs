//! Linear layers and layer normalisation, fused on the processor and in plain tensor operations elsewhere.

use candle_core::{DType, Result as Computed, Tensor};

use super::error::Error;
use super::fused::{AddNorm, BiasActivation};
use super::source::Loader;
use crate::kernel::Activation;

/// `x · weight + bias`.
#[derive(Debug)]
pub(super) struct Linear {
    /// Inputs × outputs, so that a row of the product is made from whole rows.
    weight: Tensor,
    bias: Tensor,
    /// The bias again, for fused operations; empty elsewhere.
    host: Vec<f32>,
}

impl Linear {
    /// Loads `name.weight` and `name.bias`.
    pub(super) fn load(loader: &Loader<'_>, name: &str, inputs: usize, outputs: usize) -> Result<Self, Error> {
        Self::joined(loader, &[name], inputs, outputs, true)
    }

    /// Loads several layers with the same input as one.
    pub(super) fn joined(
        loader: &Loader<'_>,
        names: &[&str],
        inputs: usize,
        outputs: usize,
        biased: bool,
    ) -> Result<Self, Error> {
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for name in names {
            weights.extend(loader.values(&format!("{name}.weight"), &[outputs, inputs])?);
            if biased {
                biases.extend(loader.values(&format!("{name}.bias"), &[outputs])?);
            } else {
                biases.resize(biases.len() + outputs, 0.0);
            }
        }
        let outputs = outputs * names.len();
        let weight = loader.place(weights, &[outputs, inputs])?.t()?.contiguous()?;
        let host = if loader.device.is_cpu() { biases.clone() } else { Vec::new() };
        Ok(Self { weight, bias: loader.place(biases, &[outputs])?, host })
    }

    /// `activation(x · weight + bias)`.
    pub(super) fn forward(&self, x: &Tensor, activation: Activation, fused: bool) -> Computed<Tensor> {
        let product = x.matmul(&self.weight)?;
        if fused {
            product.inplace_op1(&BiasActivation { bias: &self.host, activation })?;
            return Ok(product);
        }
        apply(activation, &product.broadcast_add(&self.bias)?)
    }
}

/// The activation in plain tensor operations.
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

/// Layer normalisation; always computed in float32.
#[derive(Debug)]
pub(super) struct Norm {
    weight: Tensor,
    shift: Tensor,
    epsilon: f32,
    /// Weight and shift again, for fused operations; empty elsewhere.
    host: (Vec<f32>, Vec<f32>),
}

impl Norm {
    /// Loads `name.weight` and `name.bias`.
    pub(super) fn load(loader: &Loader<'_>, name: &str, width: usize, epsilon: f32) -> Result<Self, Error> {
        let weight = loader.values(&format!("{name}.weight"), &[width])?;
        let shift = loader.values(&format!("{name}.bias"), &[width])?;
        Ok(Self {
            weight: Tensor::from_slice(&weight, width, loader.device)?,
            shift: Tensor::from_slice(&shift, width, loader.device)?,
            epsilon,
            host: if loader.device.is_cpu() { (weight, shift) } else { Default::default() },
        })
    }

    /// The norm of `x`.
    pub(super) fn forward(&self, x: &Tensor) -> Computed<Tensor> {
        let wide = x.to_dtype(DType::F32)?.contiguous()?;
        candle_nn::ops::layer_norm(&wide, &self.weight, &self.shift, self.epsilon)?.to_dtype(x.dtype())
    }

    /// The norm of `x + other`. Fused, `x` is overwritten.
    pub(super) fn add(&self, x: Tensor, other: &Tensor, fused: bool) -> Computed<Tensor> {
        if fused {
            self.add_in_place(&x, &vec![0.0; self.host.0.len()], other)?;
            return Ok(x);
        }
        self.forward(&(x + other)?)
    }

    /// The norm of `layer(x) + other`.
    pub(super) fn after(&self, layer: &Linear, x: &Tensor, other: &Tensor, fused: bool) -> Computed<Tensor> {
        if fused {
            let product = x.matmul(&layer.weight)?;
            self.add_in_place(&product, &layer.host, other)?;
            return Ok(product);
        }
        self.forward(&(layer.forward(x, Activation::Identity, false)? + other)?)
    }

    fn add_in_place(&self, x: &Tensor, bias: &[f32], other: &Tensor) -> Computed<()> {
        let (weight, shift) = &self.host;
        x.inplace_op2(other, &AddNorm { bias, weight, shift, epsilon: self.epsilon })
    }
}
