//! From texts to embeddings: tokens, an encoder on candle, pooling. The only module that knows candle.
//!
//! An [`Encoder`] is opened from a [`Checkpoint`](crate::checkpoint::Checkpoint), or built over tensors that are in memory
//! ([`TensorSource`]). [`Encoder::tokenize`] turns texts into [`Tokens`], which any encoder with the same tokenizer takes;
//! [`Encoder::encode`] turns those into [`Embeddings`]. What an embedding is does not depend on the texts around it.

mod attention;
mod batch;
mod bounded;
mod config;
mod device;
mod embeddings;
mod encode;
mod error;
mod forward;
mod fused;
mod head;
mod host;
mod layers;
mod names;
mod open;
mod options;
mod packed;
mod pooling;
mod relative;
mod remarks;
mod rotary;
mod source;
mod stack;
mod tokenize;
mod tokenizer_settings;
mod tokens;
mod words;

pub use config::SUPPORTED;
pub use device::Device;
pub use embeddings::Embeddings;
pub use error::Error;
pub use open::Encoder;
pub use options::Options;
#[doc(hidden)]
pub use options::Progress;
pub use pooling::{Mode, Pooling};
pub use source::{TensorData, TensorSource};
pub use tokens::{Role, Tokens};
