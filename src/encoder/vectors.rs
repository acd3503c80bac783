//! What retrievers encode texts to, whichever kind they are of.

use super::embeddings::Embeddings;
use super::hybrid_vectors::HybridVectors;
use super::multi_vectors::MultiVectors;
use super::sparse_embeddings::SparseEmbeddings;

/// What texts were encoded to, in the order of the texts.
#[derive(Clone, Debug)]
pub enum Vectors {
    /// One dense vector for each text.
    Dense(Embeddings),
    /// Weights of some tokens for each text.
    Sparse(SparseEmbeddings),
    /// One vector for each token of a text.
    Late(MultiVectors),
    /// Several of these.
    Hybrid(HybridVectors),
}

impl Vectors {
    /// Appends what further texts were encoded to by the same model.
    pub fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Dense(all), Self::Dense(more)) => all.values.extend_from_slice(&more.values),
            (Self::Sparse(all), Self::Sparse(more)) => all.append(&more),
            (Self::Late(all), Self::Late(more)) => all.append(&more),
            (Self::Hybrid(all), Self::Hybrid(more)) => all.append(&more),
            // One model encodes to vectors of one kind.
            _ => {}
        }
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        match self {
            Self::Dense(all) => all.len(),
            Self::Sparse(all) => all.len(),
            Self::Late(all) => all.len(),
            Self::Hybrid(all) => all.len(),
        }
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
