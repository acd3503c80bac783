//! Normalisation of rows: layer normalisation and RMS normalisation.

use candle_core::{DType, Result as Computed, Tensor};

use super::super::config::NormStyle;
use super::super::error::Error;
use super::super::source::Loader;
use crate::kernel::NormKind;

/// Normalisation of rows, which is always computed in float32.
#[derive(Debug)]
pub(in crate::encoder) struct Norm {
    weight: Tensor,
    shift: Tensor,
    epsilon: f32,
    kind: NormKind,
    /// Copies of weight and shift for fused operations on the CPU, the latter empty if there is none; both empty on other
    /// devices.
    on_cpu: (Vec<f32>, Vec<f32>),
}

impl Norm {
    /// Loads `name.weight` and, where the style has shifts, `name.bias`.
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        name: &str,
        width: usize,
        style: NormStyle,
    ) -> Result<Self, Error> {
        let mut weight = loader.values(&format!("{name}.weight"), &[width])?;
        for x in &mut weight {
            *x += style.offset;
        }
        let shift = if style.shifted { loader.values(&format!("{name}.bias"), &[width])? } else { Vec::new() };
        let place = |values: Vec<f32>| loader.place_wide(values, &[width]);
        Ok(Self {
            weight: place(weight.clone())?,
            shift: place(if style.shifted { shift.clone() } else { vec![0.0; width] })?,
            epsilon: style.epsilon,
            kind: style.kind,
            on_cpu: if loader.device.is_cpu() { (weight, shift) } else { Default::default() },
        })
    }

    /// A norm without weights.
    pub(in crate::encoder) fn bare(loader: &Loader<'_>, width: usize, style: NormStyle) -> Result<Self, Error> {
        let ones = vec![1.0; width];
        Ok(Self {
            weight: Tensor::from_slice(&ones, width, loader.device)?,
            shift: Tensor::from_slice(&vec![0.0_f32; width], width, loader.device)?,
            epsilon: style.epsilon,
            kind: style.kind,
            on_cpu: if loader.device.is_cpu() { (ones, Vec::new()) } else { Default::default() },
        })
    }

    /// Normalises each row of `x`, in plain tensor operations.
    pub(in crate::encoder) fn forward(&self, x: &Tensor) -> Computed<Tensor> {
        let wide = x.to_dtype(DType::F32)?.contiguous()?;
        let norm = match self.kind {
            NormKind::Layer => candle_nn::ops::layer_norm(&wide, &self.weight, &self.shift, self.epsilon)?,
            NormKind::Rms => candle_nn::ops::rms_norm(&wide, &self.weight, self.epsilon)?,
        };
        norm.to_dtype(x.dtype())
    }

    /// The form for fused operations.
    pub(in crate::encoder) fn on_cpu(&self) -> CpuNorm<'_> {
        CpuNorm { weight: &self.on_cpu.0, shift: &self.on_cpu.1, epsilon: self.epsilon, kind: self.kind }
    }
}

/// A norm on plain slices; `shift` is empty if there is none.
#[derive(Clone, Copy)]
pub(in crate::encoder) struct CpuNorm<'a> {
    pub(in crate::encoder) weight: &'a [f32],
    pub(in crate::encoder) shift: &'a [f32],
    pub(in crate::encoder) epsilon: f32,
    pub(in crate::encoder) kind: NormKind,
}
