//! What the processor computes between matrix products, as operations of the tensor library. One pass over memory each.

use candle_core::{CpuStorage, CustomOp1, InplaceOp1, InplaceOp2, Layout, Result, Shape, bail};
use rayon::prelude::*;

use super::layers::HostNorm;
use crate::kernel::{self, Activation, Level};

/// Numbers that a thread takes at a time: large enough to be worth it, small enough to stay in its cache.
const SHARE: usize = 16 * 1024;

/// Adds a bias to every row and applies an activation.
pub(super) struct BiasActivation<'a> {
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
}

impl InplaceOp1 for BiasActivation<'_> {
    fn name(&self) -> &'static str {
        "bias-activation"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let width = self.bias.len().max(1);
        let values = slice_mut(storage, layout, width)?;
        values
            .par_chunks_mut(share(width))
            .for_each(|rows| kernel::bias_activation(Level::best(), rows, self.bias, self.activation));
        Ok(())
    }
}

/// Adds a bias to every row; its first half, after an activation, times its second half is the result.
pub(super) struct Gate<'a> {
    pub(super) bias: &'a [f32],
    pub(super) activation: Activation,
}

impl CustomOp1 for Gate<'_> {
    fn name(&self) -> &'static str {
        "gate"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, columns) = layout.shape().dims2()?;
        let width = columns / 2;
        if width == 0 || 2 * width != columns || self.bias.len() != columns {
            bail!("a gate over rows of {columns} numbers with a bias of {}", self.bias.len());
        }
        let values = slice(storage, layout)?;
        let mut out = vec![0.0; rows * width];
        let share = share(width);
        out.par_chunks_mut(share)
            .zip(values.par_chunks(2 * share))
            .for_each(|(out, rows)| kernel::gate(Level::best(), out, rows, self.bias, self.activation));
        Ok((CpuStorage::F32(out), Shape::from((rows, width))))
    }
}

/// Adds a bias and the second operand to every row.
pub(super) struct AddBiased<'a> {
    pub(super) bias: &'a [f32],
}

impl InplaceOp2 for AddBiased<'_> {
    fn name(&self) -> &'static str {
        "add-biased"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        other: &CpuStorage,
        other_layout: &Layout,
    ) -> Result<()> {
        let width = self.bias.len().max(1);
        let other = slice(other, other_layout)?;
        let values = slice_mut(storage, layout, width)?;
        if other.len() != values.len() {
            bail!("add-biased of operands of different sizes");
        }
        let share = share(width);
        values
            .par_chunks_mut(share)
            .zip(other.par_chunks(share))
            .for_each(|(rows, other)| kernel::add_biased(Level::best(), rows, other, self.bias));
        Ok(())
    }
}

/// Adds a bias and the second operand to every row and normalises it.
pub(super) struct AddNorm<'a> {
    pub(super) bias: &'a [f32],
    pub(super) norm: HostNorm<'a>,
}

impl InplaceOp2 for AddNorm<'_> {
    fn name(&self) -> &'static str {
        "add-norm"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        other: &CpuStorage,
        other_layout: &Layout,
    ) -> Result<()> {
        let HostNorm { weight, shift, epsilon, kind } = self.norm;
        let width = weight.len().max(1);
        let other = slice(other, other_layout)?;
        let values = slice_mut(storage, layout, width)?;
        if other.len() != values.len() || self.bias.len() != weight.len() {
            bail!("add-norm of operands of different sizes");
        }
        let share = share(width);
        values.par_chunks_mut(share).zip(other.par_chunks(share)).for_each(|(rows, other)| {
            kernel::add_norm(Level::best(), rows, other, self.bias, weight, shift, epsilon, kind);
        });
        Ok(())
    }
}

/// Normalises every row.
pub(super) struct Normalised<'a> {
    pub(super) norm: HostNorm<'a>,
}

impl CustomOp1 for Normalised<'_> {
    fn name(&self) -> &'static str {
        "normalised"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let HostNorm { weight, shift, epsilon, kind } = self.norm;
        let values = slice(storage, layout)?;
        if weight.is_empty() || values.len() % weight.len() != 0 {
            bail!("a norm of rows of {} numbers over {} numbers", weight.len(), values.len());
        }
        let mut out = vec![0.0; values.len()];
        let share = share(weight.len());
        out.par_chunks_mut(share).zip(values.par_chunks(share)).for_each(|(out, rows)| {
            out.copy_from_slice(rows);
            kernel::norm(Level::best(), out, weight, shift, epsilon, kind);
        });
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}

/// Whole rows of about [`SHARE`] numbers.
pub(super) fn share(width: usize) -> usize {
    (SHARE / width).max(1) * width
}

pub(super) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values: &[f32] = storage.as_slice()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("an operand is not contiguous"),
    }
}

pub(super) fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout, width: usize) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) if (end - start) % width == 0 => Ok(&mut values[start..end]),
        _ => bail!("an operand is not contiguous, or not of whole rows of {width} numbers"),
    }
}
