//! Embeddings as they are compared, and gradients back through that.

use super::error::Error;
use crate::eval::Similarity;

/// Embeddings in rows, normalised where they are compared by their cosine.
pub(super) struct Compared {
    pub(super) dimension: usize,
    pub(super) values: Vec<f32>,
    /// The lengths of the rows; empty where they are not normalised.
    lengths: Vec<f64>,
}

/// A length that no row is divided by less than.
const SMALLEST: f64 = 1e-12;

/// Refuses similarities without a gradient here.
pub(super) fn check(similarity: Similarity, name: &str) -> Result<(), Error> {
    match similarity {
        Similarity::Cosine | Similarity::Dot => Ok(()),
        Similarity::Euclidean | Similarity::Manhattan => Err(Error::Similarity(name.to_owned())),
    }
}

impl Compared {
    pub(super) fn new(mut values: Vec<f32>, dimension: usize, similarity: Similarity) -> Self {
        let mut lengths = Vec::new();
        if similarity == Similarity::Cosine {
            for row in values.chunks_exact_mut(dimension.max(1)) {
                let length = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt().max(SMALLEST);
                for x in row.iter_mut() {
                    *x = (f64::from(*x) / length) as f32;
                }
                lengths.push(length);
            }
        }
        Self { dimension, values, lengths }
    }

    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.dimension.max(1)
    }

    /// The gradient with respect to the embeddings, from that with respect to the rows.
    pub(super) fn back(&self, mut gradient: Vec<f32>) -> Vec<f32> {
        let rows =
            gradient.chunks_exact_mut(self.dimension.max(1)).zip(self.values.chunks_exact(self.dimension.max(1)));
        for ((gradient, row), length) in rows.zip(&self.lengths) {
            let along: f64 = gradient.iter().zip(row).map(|(g, x)| f64::from(*g) * f64::from(*x)).sum();
            for (g, x) in gradient.iter_mut().zip(row) {
                *g = ((f64::from(*g) - along * f64::from(*x)) / length) as f32;
            }
        }
        gradient
    }
}
