//! A worker's buffers, and how a tile of a tensor gets into them.

use std::ops::Range;

use super::gather::gather;
use super::gram::lines;
use super::made::{Running, made};
use super::{Access, Error, Options};
use crate::checkpoint::{Product, Tensor, Weights};
use crate::kernel::{Float, Level, Real, combine, widen};
use crate::plan::{Gathered, Input, Plan, PlannedTensor, Source};

/// A worker's buffers; they grow to the largest tile and are kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// One an input.
    pub(super) inputs: Vec<Buffer>,
    /// The result before rounding.
    pub(super) output: Vec<u64>,
    /// The result as it is stored.
    pub(super) bytes: Vec<u8>,
    /// Counts of a histogram.
    pub(super) counts: Vec<u32>,
    /// Scores of elements.
    pub(super) scores: Vec<u64>,
    /// Masks, a byte an element.
    pub(super) masks: Vec<u64>,
    /// Random numbers.
    pub(super) draws: Vec<u64>,
}

/// One input's tile. Words, so that numbers of any format are aligned in them.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    stored: Vec<u64>,
    pub(super) widened: Vec<u64>,
    /// Of what an input is computed from.
    under: Option<Box<Buffer>>,
    /// Of what a tensor of another document's merge is computed from.
    pub(super) scratch: Option<Box<Scratch>>,
}

impl Scratch {
    /// Makes room for `n` inputs.
    pub(super) fn with_inputs(&mut self, n: usize) -> &mut Self {
        if self.inputs.len() < n {
            self.inputs.resize_with(n, Buffer::default);
        }
        self
    }
}

/// `n` numbers in a buffer of words.
pub(super) fn numbers<T: bytemuck::Pod>(words: &mut Vec<u64>, n: usize) -> &mut [T] {
    let needed = (n * size_of::<T>()).div_ceil(size_of::<u64>());
    if words.len() < needed {
        words.resize(needed, 0);
    }
    &mut bytemuck::cast_slice_mut::<u64, T>(words)[..n]
}

/// Elements `range` of a source of floating-point numbers, as `T`.
pub(super) fn load<'a, T: Real>(
    running: Running<'_>,
    source: Source<'a>,
    range: Range<usize>,
    buffer: &'a mut Buffer,
    options: &Options<'_>,
) -> Result<&'a [T], Error> {
    match source {
        Source::Stored { weights, tensor } => stored(weights, tensor, range, buffer, options),
        Source::Gathered { plan, table } => gathered(running, plan, table, range, buffer, options),
        Source::Adapted { weights, tensor, product } => {
            let under = buffer.under.get_or_insert_default();
            let values: &[T] = stored(weights, tensor, range.clone(), under, options)?;
            let out = numbers(&mut buffer.widened, range.len());
            add_product(options.level, product, range, values, out);
            Ok(out)
        }
        Source::StageTensor { stage, tensor } => made(running, stage, tensor, range, buffer, options),
    }
}

/// Elements of a tensor of a file.
pub(super) fn stored<'a, T: Real>(
    weights: &'a Weights,
    tensor: &Tensor,
    range: Range<usize>,
    buffer: &'a mut Buffer,
    options: &Options<'_>,
) -> Result<&'a [T], Error> {
    let float = tensor.float().unwrap_or(Float::F32);
    let place = range.start * float.size()..range.end * float.size();
    let bytes: &[u8] = match options.access {
        Access::Map => &weights.bytes(tensor)[place],
        Access::Read => {
            let stored = numbers::<u8>(&mut buffer.stored, place.len());
            weights.read(tensor, place.start, stored).map_err(|source| Error::Read {
                tensor: tensor.name.clone(),
                file: weights.file_of(tensor).map(|file| file.display().to_string()).unwrap_or_default(),
                source,
            })?;
            stored
        }
    };
    // Numbers that already are what the merge is computed in are used where they lie.
    if cfg!(target_endian = "little")
        && float == T::FLOAT
        && let Ok(values) = bytemuck::try_cast_slice(bytes)
    {
        return Ok(values);
    }
    let values = numbers(&mut buffer.widened, range.len());
    widen(options.level, bytes, float, values);
    Ok(values)
}

/// `out = values + scale · left · right` for the elements `range` of the product. The sum over the rank is in its order.
fn add_product<T: Real>(level: Level, product: &Product, range: Range<usize>, values: &[T], out: &mut [T]) {
    let right: Vec<T> = product.right();
    let mut sum = vec![T::ZERO; product.columns.min(range.len())];
    for part in lines(&range, product.columns.max(1)) {
        let here = part.start - range.start..part.end - range.start;
        let first = part.start % product.columns;
        let left: Vec<T> = product.left(part.start / product.columns);
        let rows: Vec<&[T]> = right.chunks(product.columns).map(|row| &row[first..first + part.len()]).collect();
        let sum = &mut sum[..part.len()];
        combine(level, &left, &rows, sum);
        combine(level, &[T::of(1.0), T::of(product.scale)], &[&values[here.clone()], sum], &mut out[here]);
    }
}

/// Bytes `range` of a source that can only be copied.
pub(super) fn copied(source: Source<'_>, range: Range<usize>) -> Result<&[u8], Error> {
    Ok(match source {
        Source::Stored { weights, tensor } | Source::Adapted { weights, tensor, .. } => &weights.bytes(tensor)[range],
        // Rows are gathered of floating-point numbers only.
        Source::Gathered { .. } => &[],
        Source::StageTensor { stage, tensor } => copy_of(&stage.plan, &stage.plan.tensors[tensor], range)?,
    })
}

/// Bytes `range` of a tensor that is copied, which must be the same in all its sources.
pub(super) fn copy_of<'a>(plan: &'a Plan, tensor: &PlannedTensor, range: Range<usize>) -> Result<&'a [u8], Error> {
    let Some((first, others)) = tensor.op.inputs().split_first() else { return Ok(&[]) };
    let bytes = copied(plan.source(*first), range.clone())?;
    for other in others {
        if copied(plan.source(*other), range.clone())? != bytes {
            return Err(Error::CopiesDiffer {
                tensor: tensor.label(),
                dtype: format!("{:?}", tensor.dtype),
                left: plan.label(first.model),
                right: plan.label(other.model),
            });
        }
    }
    Ok(bytes)
}

/// Elements of a table whose rows are brought to another order.
fn gathered<'a, T: Real>(
    running: Running<'_>,
    plan: &Plan,
    table: &Gathered,
    range: Range<usize>,
    buffer: &'a mut Buffer,
    options: &Options<'_>,
) -> Result<&'a [T], Error> {
    let Buffer { stored, widened, .. } = buffer;
    let values = numbers(widened, range.len());
    gather(table, range, values, &mut |from, elements, out| match table
        .tables
        .get(from)
        .map(|input| plan.source(*input))
    {
        Some(Source::Stored { weights, tensor }) => read(weights, tensor, elements, stored, out, options),
        Some(other) => {
            let mut buffer = Buffer::default();
            out.copy_from_slice(load(running, other, elements, &mut buffer, options)?);
            Ok(())
        }
        None => Ok(()),
    })?;
    Ok(values)
}

/// Reads elements of a tensor of floating-point numbers into `out`, past the map.
fn read<T: Real>(
    weights: &Weights,
    tensor: &Tensor,
    range: Range<usize>,
    stored: &mut Vec<u64>,
    out: &mut [T],
    options: &Options<'_>,
) -> Result<(), Error> {
    let float = tensor.float().unwrap_or(Float::F32);
    let failed = |source| Error::Read {
        tensor: tensor.name.clone(),
        file: weights.file_of(tensor).map(|file| file.display().to_string()).unwrap_or_default(),
        source,
    };
    if cfg!(target_endian = "little") && float == T::FLOAT {
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(out);
        return weights.read(tensor, range.start * float.size(), bytes).map_err(failed);
    }
    let bytes = numbers::<u8>(stored, range.len() * float.size());
    weights.read(tensor, range.start * float.size(), bytes).map_err(failed)?;
    widen(options.level, bytes, float, out);
    Ok(())
}

/// The same elements of several inputs of a plan.
pub(super) fn views<'a, T: Real>(
    running: Running<'a>,
    inputs: &[Input],
    range: &Range<usize>,
    buffers: &'a mut [Buffer],
    options: &Options<'_>,
) -> Result<Vec<&'a [T]>, Error> {
    inputs
        .iter()
        .zip(buffers)
        .map(|(input, buffer)| load(running, running.plan.source(*input), range.clone(), buffer, options))
        .collect()
}

/// Gives the pages of a tile back, so that what was read does not stay resident, and counts its bytes as done.
pub(super) fn finish(source: Source<'_>, range: &Range<usize>, options: &Options<'_>) {
    match source {
        Source::Stored { weights, tensor } | Source::Adapted { weights, tensor, .. } => {
            let bits = tensor.dtype.bitsize();
            let bytes = range.start * bits / 8..range.end * bits / 8;
            (options.progress)(bytes.len() as u64);
            if options.access == Access::Map || tensor.float().is_none() {
                weights.release(tensor, bytes);
            }
        }
        // Rows are read past the map.
        Source::Gathered { .. } => (options.progress)((range.len() * source.dtype().bitsize() / 8) as u64),
        Source::StageTensor { stage, tensor } => {
            finish_all(&stage.plan, stage.plan.tensors[tensor].op.inputs(), range, options);
        }
    }
}

/// [`finish`] for the same elements of several inputs of a plan.
pub(super) fn finish_all(plan: &Plan, inputs: &[Input], range: &Range<usize>, options: &Options<'_>) {
    for input in inputs {
        finish(plan.source(*input), range, options);
    }
}
