//! What models with several heads encode texts to.

use super::embeddings::Embeddings;
use super::multi_vectors::MultiVectors;
use super::sparse_embeddings::SparseEmbeddings;

/// Dense, sparse and token vectors of the same texts, in their order; none of the kinds that were not asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HybridVectors {
    /// One dense vector for each text.
    pub dense: Option<Embeddings>,
    /// Weights of some tokens for each text.
    pub sparse: Option<SparseEmbeddings>,
    /// One vector for each token of a text.
    pub late: Option<MultiVectors>,
}

impl HybridVectors {
    /// Adds further texts.
    pub fn append(&mut self, more: &Self) {
        if let (Some(all), Some(more)) = (&mut self.dense, &more.dense) {
            all.values.extend_from_slice(&more.values);
        }
        if let (Some(all), Some(more)) = (&mut self.sparse, &more.sparse) {
            all.append(more);
        }
        if let (Some(all), Some(more)) = (&mut self.late, &more.late) {
            all.append(more);
        }
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        let dense = self.dense.as_ref().map(Embeddings::len);
        let sparse = || self.sparse.as_ref().map(SparseEmbeddings::len);
        dense.or_else(sparse).or_else(|| self.late.as_ref().map(MultiVectors::len)).unwrap_or(0)
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
