//! The result of encoding.

/// One embedding for each text, in the order of the texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The number of dimensions of an embedding.
    pub dimension: usize,
    /// All embeddings, one after another.
    pub values: Vec<f32>,
}

impl Embeddings {
    /// The embeddings one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension.max(1))
    }

    /// The number of embeddings.
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Whether there are no embeddings.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
