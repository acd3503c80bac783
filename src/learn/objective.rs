//! The losses, with their gradients with respect to embeddings.

use super::similarity::Compared;
use crate::kernel::{Matrix, Threads, multiply};

/// A query: its documents by their rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The document that it is to find.
    pub(super) positive: usize,
    /// Other relevant documents, which it is not told from.
    pub(super) excluded: Vec<usize>,
}

/// A loss and its gradients with respect to the rows of queries and of documents.
pub(super) struct Loss {
    pub(super) mean: f64,
    pub(super) queries: Vec<f32>,
    pub(super) documents: Vec<f32>,
}

/// The contrastive loss (`InfoNCE`): the mean over queries of the cross-entropy of the positive among all documents.
pub(super) fn contrastive(queries: &Compared, documents: &Compared, targets: &[Target], temperature: f64) -> Loss {
    let mut slopes = scores(queries, documents, temperature);
    let (count, width) = (targets.len().max(1) as f64, documents.rows().max(1));
    let mut mean = 0.0;
    for (scores, target) in slopes.chunks_exact_mut(width).zip(targets) {
        for excluded in &target.excluded {
            if let Some(score) = scores.get_mut(*excluded) {
                *score = f32::NEG_INFINITY;
            }
        }
        let positive = scores.get(target.positive).copied().unwrap_or_default();
        mean += (softmax(scores) - f64::from(positive)) / count;
        if let Some(share) = scores.get_mut(target.positive) {
            *share -= 1.0;
        }
        scale(scores, 1.0 / (temperature * count));
    }
    Loss {
        mean,
        queries: product(Matrix::of_rows(&slopes, width), documents),
        documents: product(Matrix::of_rows(&slopes, width).transposed(), queries),
    }
}

/// How similar a teacher finds each text to the others.
#[derive(Debug)]
pub(super) struct Aims {
    /// For each text the softmax of its similarities to all, 0 to itself.
    shares: Vec<f32>,
    /// The mean over texts of Σ share · ln share.
    order: f64,
}

impl Aims {
    /// The aims that a teacher's embeddings are.
    pub(super) fn of(teacher: &Compared, temperature: f64) -> Self {
        let mut shares = scores(teacher, teacher, temperature);
        let count = teacher.rows().max(1);
        let mut order = 0.0;
        for (text, shares) in shares.chunks_exact_mut(count).enumerate() {
            shares[text] = f32::NEG_INFINITY;
            softmax(shares);
            let terms = shares.iter().filter(|share| **share > 0.0).map(|share| f64::from(*share));
            order += terms.map(|share| share * libm::log(share)).sum::<f64>() / count as f64;
        }
        Self { shares, order }
    }
}

/// How far each text's similarities to the others are from those of a teacher: the mean divergence (Kullback–Leibler) of their
/// softmaxes, and its gradient.
pub(super) fn disagreement(texts: &Compared, aims: &Aims, temperature: f64) -> (f64, Vec<f32>) {
    let count = texts.rows();
    if count < 2 {
        return (0.0, vec![0.0; texts.values.len()]);
    }
    let mut slopes = scores(texts, texts, temperature);
    let mut loss = aims.order;
    let rows = slopes.chunks_exact_mut(count).zip(aims.shares.chunks_exact(count));
    for (text, (scores, aims)) in rows.enumerate() {
        let wanted: f64 = dot(scores, aims);
        scores[text] = f32::NEG_INFINITY;
        loss += (softmax(scores) - wanted) / count as f64;
        scores.iter_mut().zip(aims).for_each(|(share, aim)| *share -= aim);
        scale(scores, 1.0 / (temperature * count as f64));
    }
    let mut gradient = product(Matrix::of_rows(&slopes, count), texts);
    let others = product(Matrix::of_rows(&slopes, count).transposed(), texts);
    gradient.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
    (loss, gradient)
}

/// The similarities of all rows to all others, divided by the temperature.
fn scores(one: &Compared, other: &Compared, temperature: f64) -> Vec<f32> {
    let mut scores = vec![0.0; one.rows() * other.rows()];
    let right = Matrix::of_rows(&other.values, other.dimension).transposed();
    let left = Matrix::of_rows(&one.values, one.dimension);
    multiply(&mut scores, other.rows(), left, right, (1.0 / temperature) as f32, Threads::One);
    scores
}

/// The product of slopes with rows.
fn product(slopes: Matrix<'_>, rows: &Compared) -> Vec<f32> {
    let mut product = vec![0.0; slopes.rows * rows.dimension];
    let right = Matrix::of_rows(&rows.values, rows.dimension);
    multiply(&mut product, rows.dimension, slopes, right, 1.0, Threads::One);
    product
}

/// Replaces scores by their softmax, and returns the logarithm of its divisor.
fn softmax(scores: &mut [f32]) -> f64 {
    let most = f64::from(scores.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = scores.iter().map(|score| libm::exp(f64::from(*score) - most)).sum();
    let total = most + libm::log(sum);
    for score in scores.iter_mut() {
        *score = libm::exp(f64::from(*score) - total) as f32;
    }
    total
}

fn scale(values: &mut [f32], factor: f64) {
    for value in values {
        *value = (f64::from(*value) * factor) as f32;
    }
}

fn dot(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Similarity;

    const DIMENSION: usize = 3;

    fn values(rows: usize, seed: u32) -> Vec<f32> {
        (0..rows * DIMENSION).map(|at| libm::sin(f64::from(at as u32 * 7 + seed * 13)) as f32).collect()
    }

    /// Compares a gradient with slopes of the loss.
    fn check(embeddings: &[f32], gradient: &[f32], loss: impl Fn(Vec<f32>) -> f64) {
        for at in 0..embeddings.len() {
            let moved = |by: f32| {
                let mut moved = embeddings.to_vec();
                moved[at] += by;
                loss(moved)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!(
                (slope - f64::from(gradient[at])).abs() < 2e-3 * (1.0 + slope.abs()),
                "{at}: {slope} {}",
                gradient[at]
            );
        }
    }

    #[test]
    fn gradients_are_slopes_of_the_losses() {
        for similarity in [Similarity::Cosine, Similarity::Dot] {
            let compared = |values: Vec<f32>| Compared::new(values, DIMENSION, similarity);
            let (queries, documents) = (values(2, 1), values(4, 2));
            let targets = [Target { positive: 0, excluded: vec![3] }, Target { positive: 2, excluded: Vec::new() }];
            let loss = |queries: Vec<f32>, documents: Vec<f32>| {
                contrastive(&compared(queries), &compared(documents), &targets, 0.5)
            };
            let found = loss(queries.clone(), documents.clone());
            let (of_queries, of_documents) = (compared(queries.clone()), compared(documents.clone()));
            check(&queries, &of_queries.back(found.queries), |moved| loss(moved, documents.clone()).mean);
            check(&documents, &of_documents.back(found.documents), |moved| loss(queries.clone(), moved).mean);

            let aims = Aims::of(&compared(values(4, 5)), 0.5);
            let (_, gradient) = disagreement(&of_documents, &aims, 0.5);
            check(&documents, &of_documents.back(gradient), |moved| disagreement(&compared(moved), &aims, 0.5).0);
        }
    }

    #[test]
    fn a_model_agrees_with_itself() {
        let texts = Compared::new(values(4, 1), DIMENSION, Similarity::Cosine);
        let (loss, gradient) = disagreement(&texts, &Aims::of(&texts, 0.05), 0.05);
        assert!(loss.abs() < 1e-6 && gradient.iter().all(|x| x.abs() < 1e-5), "{loss} {gradient:?}");
    }
}
