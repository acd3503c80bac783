//! How a model is loaded and used.

use std::ops::ControlFlow;

use super::device::Device;
use super::pooling::Pooling;
use crate::kernel::DType;

/// How a model is loaded and used. The default is what sentence-transformers does with the folder, in float32 on the CPU.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where it runs.
    pub device: Device,
    /// The format of weights and activations; float32 when not given. The CPU computes in float32 all the same, with
    /// weights rounded to this format.
    pub dtype: Option<DType>,
    /// The longest input in tokens, special tokens included; the model's own when not given.
    pub max_length: Option<usize>,
    /// How token vectors become one, in place of what the folder says.
    pub pooling: Option<Pooling>,
    /// Dimensions that are kept of an embedding, in place of what the folder says.
    pub truncate_dim: Option<usize>,
    /// Tokens computed at a time; a number that suits the device when not given.
    pub batch_tokens: Option<usize>,
    /// Use the padded, unfused computation of GPUs on the CPU too.
    #[doc(hidden)]
    pub padded: bool,
}

impl Options {
    /// Tokens computed at a time.
    pub(super) fn budget(&self) -> usize {
        let default = if self.device == Device::Cpu { CPU_TOKENS } else { GPU_TOKENS };
        self.batch_tokens.unwrap_or(default).max(1)
    }
}

/// Enough for large matrix products, and few enough that there are batches for all threads.
const CPU_TOKENS: usize = 1024;
const GPU_TOKENS: usize = 32_768;

/// Called after each batch with the number of texts and of tokens that were done in it; breaking ends the work.
pub type Progress<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;
