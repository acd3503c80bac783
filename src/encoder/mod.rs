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
mod hybrid_encoder;
mod hybrid_vectors;
mod input_gram;
mod late_tokens;
mod layer_stack;
mod layers;
mod logit_score;
mod mlm_head;
mod module_pipeline;
mod multi_vector_encoder;
mod multi_vectors;
mod open;
mod open_device;
mod options;
mod pair_template;
mod pooling;
mod recorder;
mod remarks;
mod retriever;
mod source;
mod sparse_auto_encoder;
mod sparse_chain;
mod sparse_embeddings;
mod sparse_encoder;
mod splade;
mod static_embedding;
mod tensor_names;
mod token_weights;
mod tokenize;
mod tokenizer_settings;
mod tokens;
mod transformer;
mod vectors;

pub use architectures::{CLASSES, ModelClass, REFUSED};
pub use classification::reranker_classes;
pub use cross_encoder::CrossEncoder;
pub use device::Device;
pub use embeddings::Embeddings;
pub use error::Error;
pub use hybrid_encoder::HybridEncoder;
pub use hybrid_vectors::HybridVectors;
#[doc(hidden)]
pub use input_gram::InputGram;
#[doc(hidden)]
pub use layer_stack::{HiddenTexts, LayerStack, Work, number_tokens, tokenise_for_layers};
pub use mlm_head::sparse_classes;
pub use multi_vector_encoder::MultiVectorEncoder;
pub use multi_vectors::MultiVectors;
pub use open::Encoder;
pub use options::Options;
#[doc(hidden)]
pub use options::Progress;
pub use pooling::{Mode, Pooling};
#[doc(hidden)]
pub use recorder::Recorder;
pub use retriever::Retriever;
pub use source::{TensorData, TensorSource};
pub use sparse_embeddings::{SparseEmbeddings, SparseVector};
pub use sparse_encoder::SparseEncoder;
pub use tokens::{Role, Tokens};
#[doc(hidden)]
pub use vectors::Vectors;

pub use crate::retrieval::{Retrieval, RetrievalKind, UnknownRetrieval};
