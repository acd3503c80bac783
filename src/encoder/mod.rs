//! Turns texts into embeddings: tokens, a transformer on candle, pooling. This is the only module that uses candle.
//!
//! An [`Encoder`] is opened from a [`Checkpoint`](crate::checkpoint::Checkpoint), or built over tensors that are in memory
//! ([`TensorSource`]). [`Encoder::tokenize`] turns texts into [`Tokens`], which any encoder with the same tokenizer takes;
//! [`Encoder::encode`] turns those into [`Embeddings`]. An embedding does not depend on the other texts in its batch.

mod architectures;
mod batch;
mod bounded;
mod classification;
mod config;
mod cpu;
mod cross_encoder;
mod device;
mod embed;
mod embeddings;
mod encode;
mod error;
mod layers;
mod logit_score;
mod module_pipeline;
mod open;
mod open_device;
mod options;
mod pair_template;
mod pooling;
mod remarks;
mod source;
mod static_embedding;
mod tensor_names;
mod tokenize;
mod tokenizer_settings;
mod tokens;
mod transformer;

pub use architectures::{CLASSES, ModelClass, REFUSED};
pub use classification::reranker_classes;
pub use cross_encoder::CrossEncoder;
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
