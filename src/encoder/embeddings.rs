//! The result of encoding.

/// One embedding for each text, in the order of the texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The dimensions of an embedding.
    pub dimension: usize,
    /// All embeddings, one after the other.
    pub values: Vec<f32>,
}

impl Embeddings {
    /// The embeddings one by one.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension.max(1))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
