//! Retrievers of any kind: one interface for what scores them.
//!
//! A kind is an arm of [`Retriever`], an arm of [`Vectors`], and a `Comparison` in `eval` that computes the scores of a block of
//! queries and documents. Its encoder wraps an [`Encoder`] and makes its vectors of the token vectors of a batch
//! (`Encoder::encode_batches`, `TokenVectors::packed`); [`Tokens`] know the role of their texts.

use super::embeddings::Embeddings;
use super::error::Error;
use super::hybrid_encoder::HybridEncoder;
use super::multi_vector_encoder::MultiVectorEncoder;
use super::multi_vectors::MultiVectors;
use super::open::Encoder;
use super::options::{Options, Progress};
use super::source::TensorSource;
use super::sparse_embeddings::SparseEmbeddings;
use super::sparse_encoder::SparseEncoder;
use super::tokens::{Role, Tokens};
use super::vectors::Vectors;
use crate::checkpoint::{Checkpoint, ModelKind};
use crate::retrieval::RetrievalKind;

/// A model that encodes queries and documents each on their own, so that documents can be searched.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a program has one or two of them")]
pub enum Retriever {
    /// One dense vector for each text.
    Dense(Encoder),
    /// Weights of some tokens for each text.
    Sparse(SparseEncoder),
    /// One vector for each token of a text.
    Late(MultiVectorEncoder),
    /// Several of these in one pass.
    Hybrid(HybridEncoder),
}

impl Retriever {
    /// Loads a checkpoint as the kind of retriever that its folder says it is.
    ///
    /// # Errors
    /// A model of no such kind, or that cannot be loaded.
    pub fn open(checkpoint: &Checkpoint, options: &Options) -> Result<Self, Error> {
        Self::from_tensors(checkpoint, checkpoint, options)
    }

    /// Loads a retriever whose tensors come from `source`; everything else is as in `checkpoint`.
    ///
    /// # Errors
    /// Those of [`Retriever::open`].
    pub fn from_tensors(checkpoint: &Checkpoint, source: &dyn TensorSource, options: &Options) -> Result<Self, Error> {
        let kind = checkpoint.settings().kind;
        let Some(asked) = options.retrieval else {
            return match kind {
                ModelKind::Sparse => SparseEncoder::from_tensors(checkpoint, source, options).map(Self::Sparse),
                // Whoever says how token vectors become one wants one.
                ModelKind::LateInteraction if options.pooling.is_none() => {
                    MultiVectorEncoder::from_tensors(checkpoint, source, options).map(Self::Late)
                }
                _ => Encoder::from_tensors(checkpoint, source, options).map(Self::Dense),
            };
        };
        let has_heads = kind == ModelKind::Dense && asked.kinds().all(|(kind, _)| HybridEncoder::has(checkpoint, kind));
        match (asked.single(), kind) {
            (Some(RetrievalKind::Dense), ModelKind::Dense | ModelKind::Reranker) => {
                Encoder::from_tensors(checkpoint, source, options).map(Self::Dense)
            }
            _ if has_heads => HybridEncoder::from_tensors(checkpoint, source, options, asked).map(Self::Hybrid),
            (Some(RetrievalKind::Sparse), ModelKind::Sparse | ModelKind::Dense) => {
                SparseEncoder::from_tensors(checkpoint, source, options).map(Self::Sparse)
            }
            (Some(RetrievalKind::Late), ModelKind::LateInteraction) => {
                MultiVectorEncoder::from_tensors(checkpoint, source, options).map(Self::Late)
            }
            _ => {
                let (path, asked) = (checkpoint.path().to_owned(), asked.names());
                Err(Error::OtherRetrieval { path, found: kind.name(), asked })
            }
        }
    }

    /// The encoder of a retriever with one dense vector for each text.
    pub fn as_dense(&self) -> Option<&Encoder> {
        if let Self::Dense(encoder) = self { Some(encoder) } else { None }
    }

    /// Replaces the weights, for example by another merge of the same models. Existing tokens stay valid.
    ///
    /// # Errors
    /// Weights that do not fit.
    pub fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), Error> {
        match self {
            Self::Dense(encoder) => encoder.replace(checkpoint, source),
            Self::Sparse(encoder) => encoder.replace(checkpoint, source),
            Self::Late(encoder) => encoder.replace(checkpoint, source),
            Self::Hybrid(encoder) => encoder.replace(checkpoint, source),
        }
    }

    /// Frees the memory of the weights before new ones are computed. Nothing can be encoded until [`Retriever::replace`].
    pub fn release(&mut self) {
        match self {
            Self::Dense(encoder) => encoder.release(),
            Self::Sparse(encoder) => encoder.release(),
            Self::Late(encoder) => encoder.release(),
            Self::Hybrid(encoder) => encoder.release(),
        }
    }

    /// Tokenises texts of a role with `prompt` in front of each, on all threads.
    ///
    /// # Errors
    /// A text that the tokenizer cannot encode.
    pub fn tokenize<T: AsRef<str> + Sync>(
        &self,
        role: Role,
        texts: &[T],
        prompt: Option<&str>,
    ) -> Result<Tokens, Error> {
        match self {
            Self::Dense(encoder) => encoder.tokenize_as(role, texts, prompt),
            Self::Sparse(encoder) => encoder.tokenize(role, texts, prompt),
            Self::Late(encoder) => encoder.tokenize(role, texts, prompt),
            Self::Hybrid(encoder) => encoder.tokenize(role, texts, prompt),
        }
    }

    /// Encodes each text, in the order of the texts.
    ///
    /// # Errors
    /// Vectors that are not finite, a text that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    pub fn encode(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<Vectors, Error> {
        match self {
            Self::Dense(encoder) => encoder.encode(tokens, progress).map(Vectors::Dense),
            Self::Sparse(encoder) => encoder.encode(tokens, progress).map(Vectors::Sparse),
            Self::Late(encoder) => encoder.encode(tokens, progress).map(Vectors::Late),
            Self::Hybrid(encoder) => encoder.encode(tokens, progress).map(Vectors::Hybrid),
        }
    }

    /// What no text is encoded to, with room for `texts`.
    pub fn none_of(&self, texts: usize) -> Vectors {
        match self {
            Self::Dense(encoder) => {
                let dimension = encoder.dimension();
                Vectors::Dense(Embeddings { dimension, values: Vec::with_capacity(texts * dimension) })
            }
            Self::Sparse(encoder) => Vectors::Sparse(SparseEmbeddings::new(encoder.vocabulary())),
            Self::Late(encoder) => {
                Vectors::Late(MultiVectors { dimension: encoder.dimension(), ..MultiVectors::default() })
            }
            Self::Hybrid(encoder) => Vectors::Hybrid(encoder.none()),
        }
    }

    /// The token with a number, of sparse vectors whose dimensions are tokens.
    pub fn token(&self, id: u32) -> Option<String> {
        match self {
            Self::Sparse(encoder) => encoder.token(id),
            Self::Hybrid(encoder) => encoder.token(id),
            Self::Dense(_) | Self::Late(_) => None,
        }
    }

    /// The number of kinds of vectors that a text has.
    pub fn heads(&self) -> usize {
        match self {
            Self::Hybrid(encoder) => encoder.retrieval().kinds().count(),
            Self::Dense(_) | Self::Sparse(_) | Self::Late(_) => 1,
        }
    }

    /// Whether queries and documents are told apart, so that they share no vectors.
    pub fn encodes_apart(&self) -> bool {
        match self {
            Self::Dense(_) => false,
            Self::Sparse(encoder) => encoder.is_routed(),
            Self::Late(_) | Self::Hybrid(_) => true,
        }
    }

    /// Warnings about settings of the folder that are not used as its files may suggest.
    pub fn warnings(&self) -> &[String] {
        match self {
            Self::Dense(encoder) => encoder.warnings(),
            Self::Sparse(encoder) => encoder.warnings(),
            Self::Late(encoder) => encoder.warnings(),
            Self::Hybrid(encoder) => encoder.warnings(),
        }
    }

    /// The maximum sequence length in tokens, special tokens included; longer texts are truncated.
    pub fn max_length(&self) -> usize {
        match self {
            Self::Dense(encoder) => encoder.max_length(),
            Self::Sparse(encoder) => encoder.max_length(),
            Self::Late(encoder) => encoder.max_length(),
            Self::Hybrid(encoder) => encoder.max_length(),
        }
    }
}
