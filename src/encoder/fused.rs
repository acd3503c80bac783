//! What the processor computes between matrix products, as operations of the tensor library. One pass over memory each.

use candle_core::{CpuStorage, CustomOp1, InplaceOp1, InplaceOp2, Layout, Result, Shape, bail};
use rayon::prelude::*;

use super::relative::RelativeBias;
use crate::kernel::{self, Activation, Level, Matrix, Threads};

/// Numbers that a thread takes at a time: large enough to be worth it, small enough to stay in its cache.
const SHARE: usize = 16 * 1024;
/// Queries of one text that are computed at a time.
const QUERIES: usize = 128;

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

/// Adds a bias and the second operand to every row and normalises it.
pub(super) struct AddNorm<'a> {
    pub(super) bias: &'a [f32],
    pub(super) weight: &'a [f32],
    pub(super) shift: &'a [f32],
    pub(super) epsilon: f32,
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
        let width = self.weight.len().max(1);
        let other = slice(other, other_layout)?;
        let values = slice_mut(storage, layout, width)?;
        if other.len() != values.len() || self.bias.len() != self.weight.len() || self.shift.len() != self.weight.len()
        {
            bail!("add-norm of operands of different sizes");
        }
        let share = share(width);
        values.par_chunks_mut(share).zip(other.par_chunks(share)).for_each(|(rows, other)| {
            kernel::add_norm(Level::best(), rows, other, self.bias, self.weight, self.shift, self.epsilon);
        });
        Ok(())
    }
}

/// Attention inside each of several texts that lie one after the other, without padding. Its operand holds in each row the
/// query, the key and the value of a token, each of them head after head.
pub(super) struct PackedAttention<'a> {
    pub(super) lengths: &'a [usize],
    pub(super) heads: usize,
    pub(super) relative: Option<&'a RelativeBias>,
}

/// Some queries of one text: where its rows start, how many there are, and the first of the queries.
struct Task<'a> {
    start: usize,
    length: usize,
    first: usize,
    out: &'a mut [f32],
}

impl CustomOp1 for PackedAttention<'_> {
    fn name(&self) -> &'static str {
        "packed-attention"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, columns) = layout.shape().dims2()?;
        let width = columns / 3;
        if width * 3 != columns
            || self.heads == 0
            || width % self.heads != 0
            || self.lengths.iter().sum::<usize>() != rows
        {
            bail!("packed attention over {rows} × {columns} numbers for {} heads", self.heads);
        }
        let values = slice(storage, layout)?;
        let mut out = vec![0.0; rows * width];
        self.tasks(&mut out, width).into_par_iter().for_each_init(Vec::new, |scores, task| {
            self.attend(values, width, task, scores);
        });
        Ok((CpuStorage::F32(out), Shape::from((rows, width))))
    }
}

impl PackedAttention<'_> {
    fn tasks<'o>(&self, out: &'o mut [f32], width: usize) -> Vec<Task<'o>> {
        let mut tasks = Vec::new();
        let (mut rest, mut start) = (out, 0);
        for &length in self.lengths {
            for first in (0..length).step_by(QUERIES) {
                let queries = QUERIES.min(length - first);
                let (part, after) = rest.split_at_mut(queries * width);
                tasks.push(Task { start, length, first, out: part });
                rest = after;
            }
            start += length;
        }
        tasks
    }

    fn attend(&self, values: &[f32], width: usize, task: Task<'_>, scores: &mut Vec<f32>) {
        let Task { start, length, first, out } = task;
        let level = Level::best();
        let size = width / self.heads;
        let queries = out.len() / width;
        let mut scales = [0.0; QUERIES];
        scores.resize(queries * length, 0.0);
        let factor = 1.0 / (size as f32).sqrt();
        for head in 0..self.heads {
            let part = |row: usize, third: usize, rows: usize| Matrix {
                values: &values[(start + row) * 3 * width + third * width + head * size..],
                rows,
                columns: size,
                row_stride: 3 * width,
                column_stride: 1,
            };
            kernel::multiply(
                scores,
                length,
                part(first, 0, queries),
                part(0, 1, length).transposed(),
                factor,
                Threads::One,
            );
            if let Some(relative) = self.relative {
                for (row, scores) in scores.chunks_exact_mut(length).enumerate() {
                    kernel::add_to(level, scores, relative.row(head, first + row, length));
                }
            }
            kernel::exponentials(level, scores, length, &mut scales);
            let scores = Matrix::of_rows(scores, length);
            let out = &mut out[head * size..];
            kernel::multiply(out, width, scores, part(0, 2, length), 1.0, Threads::One);
            kernel::scale_rows(level, out, size, width, &scales[..queries]);
        }
    }
}

/// Whole rows of about [`SHARE`] numbers.
fn share(width: usize) -> usize {
    (SHARE / width).max(1) * width
}

fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values: &[f32] = storage.as_slice()?;
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("an operand is not contiguous"),
    }
}

fn slice_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout, width: usize) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) if (end - start) % width == 0 => Ok(&mut values[start..end]),
        _ => bail!("an operand is not contiguous, or not of whole rows of {width} numbers"),
    }
}
