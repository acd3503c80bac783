//! A worker's buffers, and how a tile of a tensor gets into them.

use std::ops::Range;

use crate::checkpoint::{Tensor, Weights};
use crate::kernel::{Float, Level, Real, widen};

/// A worker's buffers; they grow to the largest tile and are kept.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// One an input, for those that cannot be read in place.
    pub(super) inputs: Vec<Vec<u64>>,
    /// The result before rounding.
    pub(super) output: Vec<u64>,
    /// The result as it is stored.
    pub(super) bytes: Vec<u8>,
    /// Counts of a histogram.
    pub(super) counts: Vec<u32>,
}

impl Scratch {
    /// Makes room for `n` inputs.
    pub(super) fn with_inputs(&mut self, n: usize) -> &mut Self {
        if self.inputs.len() < n {
            self.inputs.resize_with(n, Vec::new);
        }
        self
    }
}

/// `n` numbers in a buffer of words.
pub(super) fn numbers<T: Real>(words: &mut Vec<u64>, n: usize) -> &mut [T] {
    let needed = (n * size_of::<T>()).div_ceil(size_of::<u64>());
    if words.len() < needed {
        words.resize(needed, 0);
    }
    &mut bytemuck::cast_slice_mut::<u64, T>(words)[..n]
}

/// Elements `range` of a floating-point tensor as `T`: in place where the bytes already are that, else widened.
pub(super) fn load<'a, T: Real>(
    weights: &'a Weights,
    tensor: &Tensor,
    range: Range<usize>,
    buffer: &'a mut Vec<u64>,
    level: Level,
) -> &'a [T] {
    let float = tensor.float().unwrap_or(Float::F32);
    let bytes = &weights.bytes(tensor)[range.start * float.size()..range.end * float.size()];
    if cfg!(target_endian = "little")
        && float == T::FLOAT
        && let Ok(values) = bytemuck::try_cast_slice(bytes)
    {
        return values;
    }
    let values = numbers(buffer, range.len());
    widen(level, bytes, float, values);
    values
}

/// Gives the pages of elements `range` back, so that what was read does not stay resident.
pub(super) fn release(weights: &Weights, tensor: &Tensor, range: &Range<usize>) {
    let size = tensor.byte_len().checked_div(tensor.elements() as usize).unwrap_or(0);
    weights.release(tensor, range.start * size..range.end * size);
}
