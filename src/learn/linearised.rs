//! Embeddings as straight lines in the coefficients.

use rayon::prelude::*;

/// What the embeddings of all texts are near some coefficients: `E₀ + Σ (cₖ − c₀ₖ)·Jₖ`, where `Jₖ` is the difference that moving
/// coefficient `k` alone made, divided by how far it was moved.
#[derive(Debug)]
pub(super) struct Linearised {
    /// The coefficients at which `embeddings` were computed.
    pub(super) at: Vec<f64>,
    pub(super) embeddings: Vec<f32>,
    /// For each coefficient that is learned its index and column.
    pub(super) columns: Vec<(usize, Vec<f32>)>,
    pub(super) dimension: usize,
}

/// Elements that a thread computes at a time.
const PART: usize = 1 << 14;

impl Linearised {
    /// Begins with the embeddings at some coefficients.
    pub(super) fn new(at: Vec<f64>, embeddings: Vec<f32>, dimension: usize) -> Self {
        Self { at, embeddings, columns: Vec::new(), dimension }
    }

    /// Adds the embeddings with one coefficient moved.
    pub(super) fn add(&mut self, coefficient: usize, moved: &[f32], by: f64) {
        let slope = |(moved, here): (&f32, &f32)| ((f64::from(*moved) - f64::from(*here)) / by) as f32;
        self.columns.push((coefficient, moved.iter().zip(&self.embeddings).map(slope).collect()));
    }

    /// The embeddings at other coefficients.
    pub(super) fn at(&self, values: &[f64]) -> Vec<f32> {
        let mut terms: Vec<(f32, &[f32])> = Vec::new();
        for (index, column) in &self.columns {
            terms.push(((values[*index] - self.at[*index]) as f32, column));
        }
        let mut embeddings = self.embeddings.clone();
        embeddings.par_chunks_mut(PART).enumerate().for_each(|(part, out)| {
            let here = part * PART..part * PART + out.len();
            for (by, column) in &terms {
                out.iter_mut().zip(&column[here.clone()]).for_each(|(out, slope)| *out += by * slope);
            }
        });
        embeddings
    }

    /// The gradient with respect to the coefficients, from that with respect to the embeddings.
    pub(super) fn project(&self, gradient: &[f32]) -> Vec<f64> {
        let product = |(index, column): &(usize, Vec<f32>)| {
            let terms = column.iter().zip(gradient).map(|(slope, of)| f64::from(*slope) * f64::from(*of));
            (*index, terms.sum::<f64>())
        };
        let mut slopes = vec![0.0; self.at.len()];
        for (index, slope) in self.columns.par_iter().map(product).collect::<Vec<_>>() {
            slopes[index] = slope;
        }
        slopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_follow_the_coefficients_and_gradients_follow_the_embeddings() {
        let mut linearised = Linearised::new(vec![0.5, 9.0, 0.2], vec![1.0, 2.0, 3.0, 4.0], 2);
        linearised.add(0, &[1.5, 2.0, 3.0, 3.0], 0.5);
        linearised.add(2, &[1.0, 1.0, 3.0, 4.0], -0.25);
        assert_eq!(linearised.at(&[0.5, 0.0, 0.2]), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(linearised.at(&[1.5, 9.0, 0.7]), [2.0, 4.0, 3.0, 2.0]);
        assert_eq!(linearised.project(&[1.0, 10.0, 100.0, 1000.0]), [1.0 - 2000.0, 0.0, 40.0]);
    }
}
