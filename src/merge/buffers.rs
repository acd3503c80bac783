//! Buffers that a worker keeps from tile to tile.

/// A worker's buffers. They grow to the largest tile.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// One buffer for each input.
    pub(super) inputs: Vec<InputBuffer>,
    /// The result before rounding.
    pub(super) output: Vec<u64>,
    /// The result as it is stored.
    pub(super) bytes: Vec<u8>,
    /// The counts of a histogram.
    pub(super) counts: Vec<u32>,
    /// The scores of elements.
    pub(super) scores: Vec<u64>,
    /// Masks, with one byte for each element.
    pub(super) masks: Vec<u64>,
    /// Random numbers.
    pub(super) draws: Vec<u64>,
}

/// The tile of one input, stored as 64-bit words so that numbers of any dtype are aligned.
#[derive(Debug, Default)]
pub(super) struct InputBuffer {
    /// The bytes as in the file.
    pub(super) stored: Vec<u64>,
    /// The numbers in the format that the merge is computed in.
    pub(super) widened: Vec<u64>,
    /// The model's own tensor, where an adapter is added to it.
    pub(super) unadapted: Option<Box<InputBuffer>>,
    /// The buffers of another document's merge, where the input is a tensor of one.
    pub(super) stage: Option<Box<Scratch>>,
}

impl Scratch {
    /// Makes sure that there are buffers for `n` inputs.
    pub(super) fn with_inputs(&mut self, n: usize) -> &mut Self {
        if self.inputs.len() < n {
            self.inputs.resize_with(n, InputBuffer::default);
        }
        self
    }
}

/// Views the first words of a buffer as `n` numbers; the buffer grows where it has to.
pub(super) fn numbers<T: bytemuck::Pod>(words: &mut Vec<u64>, n: usize) -> &mut [T] {
    let needed = (n * size_of::<T>()).div_ceil(size_of::<u64>());
    if words.len() < needed {
        words.resize(needed, 0);
    }
    &mut bytemuck::cast_slice_mut::<u64, T>(words)[..n]
}
