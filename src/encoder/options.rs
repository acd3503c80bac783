//! How a model is loaded and used.

use std::ops::ControlFlow;

use super::device::Device;
use super::pooling::Pooling;
use crate::kernel::{self, DType};
use crate::retrieval::Retrieval;

/// How a model is loaded and used. The default is that of sentence-transformers, in float32 on the CPU.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The device that it runs on.
    pub device: Device,
    /// The dtype of weights and activations; float32 by default. The CPU rounds weights to it and adds up in float32. Factors
    /// of products are bfloat16 numbers where that is asked for and the processor multiplies them.
    pub dtype: Option<DType>,
    /// The maximum sequence length in tokens, special tokens included; the model's own by default.
    pub max_length: Option<usize>,
    /// The pooling, in place of the folder's.
    pub pooling: Option<Pooling>,
    /// The number of dimensions that embeddings are truncated to, in place of the folder's.
    pub truncate_dim: Option<usize>,
    /// The number of entries of a sparse embedding that are kept, in place of the folder's.
    pub max_active_dims: Option<usize>,
    /// The kind of retriever that a folder is opened as, in place of what it says it is.
    pub retrieval: Option<Retrieval>,
    /// Multiplies float32 numbers as such, also where three products in bfloat16 come near theirs (a relative error of 4·10⁻⁶) in less
    /// than half of the time. Kinds of models other than dense retrievers always do.
    pub exact_products: bool,
    /// Number of tokens that are computed at a time; by default one that suits the device.
    pub batch_tokens: Option<usize>,
    /// Uses the padded, unfused computation of GPUs on the CPU too.
    #[doc(hidden)]
    pub padded: bool,
}

impl Options {
    /// The same with float32 numbers multiplied as such.
    pub(super) fn exact(&self) -> Self {
        Self { exact_products: true, ..self.clone() }
    }

    /// Number of tokens that are computed at a time.
    pub(super) fn budget(&self) -> usize {
        let default = match self.device {
            // Where products are fast, the way to memory counts.
            Device::Cpu if kernel::tile_level().is_some() => CPU_TOKENS / 2,
            Device::Cpu => CPU_TOKENS,
            _ => GPU_TOKENS,
        };
        self.batch_tokens.unwrap_or(default).max(1)
    }
}

/// Enough for large matrix products, and few enough that there are batches for all threads.
const CPU_TOKENS: usize = 1024;
const GPU_TOKENS: usize = 32_768;

/// Called after each batch with its number of texts and tokens; breaking ends the work.
pub type Progress<'a> = dyn FnMut(usize, usize) -> ControlFlow<()> + 'a;
