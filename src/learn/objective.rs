//! The losses, with their gradients with respect to embeddings.

use super::similarity::Compared;

/// A query of a batch: its documents by their rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The document that it is to find.
    pub(super) positive: usize,
    /// Other relevant documents, which it is not told from; sorted.
    pub(super) excluded: Vec<usize>,
}

/// A loss and its gradients with respect to the rows of queries and of documents.
pub(super) struct Loss {
    pub(super) mean: f64,
    pub(super) queries: Vec<f64>,
    pub(super) documents: Vec<f64>,
}

/// The contrastive loss (`InfoNCE`): the mean over queries of the cross-entropy of the positive among all documents.
pub(super) fn contrastive(queries: &Compared, documents: &Compared, targets: &[Target], temperature: f64) -> Loss {
    let mut loss =
        Loss { mean: 0.0, queries: vec![0.0; queries.values.len()], documents: vec![0.0; documents.values.len()] };
    let count = targets.len().max(1) as f64;
    for (query, target) in targets.iter().enumerate() {
        let counts = |document: &usize| target.excluded.binary_search(document).is_err();
        let others: Vec<usize> = (0..documents.rows()).filter(counts).collect();
        let scores: Vec<f64> =
            others.iter().map(|document| queries.of(query, documents, *document) / temperature).collect();
        let (shares, total) = softmax(&scores);
        for ((document, share), score) in others.iter().zip(&shares).zip(&scores) {
            let is_positive = *document == target.positive;
            if is_positive {
                loss.mean += (total - score) / count;
            }
            let slope = (share - f64::from(u8::from(is_positive))) / (temperature * count);
            add_slope(&mut loss.queries, queries, query, documents, *document, slope);
            add_slope(&mut loss.documents, documents, *document, queries, query, slope);
        }
    }
    loss
}

/// How far each text's similarities to the others are from those of a teacher: the mean divergence (Kullback–Leibler) of their
/// softmaxes, and its gradient.
pub(super) fn disagreement(texts: &Compared, teacher: &Compared, temperature: f64) -> (f64, Vec<f64>) {
    let count = texts.rows();
    let (mut loss, mut gradient) = (0.0, vec![0.0; texts.values.len()]);
    if count < 2 {
        return (loss, gradient);
    }
    for text in 0..count {
        let others: Vec<usize> = (0..count).filter(|other| *other != text).collect();
        let scores =
            |of: &Compared| others.iter().map(|other| of.of(text, of, *other) / temperature).collect::<Vec<f64>>();
        let (own, wanted) = (scores(texts), scores(teacher));
        let ((shares, total), (aims, aimed)) = (softmax(&own), softmax(&wanted));
        for (at, other) in others.iter().enumerate() {
            loss += aims[at] * ((wanted[at] - aimed) - (own[at] - total)) / count as f64;
            let slope = (shares[at] - aims[at]) / (temperature * count as f64);
            add_slope(&mut gradient, texts, text, texts, *other, slope);
            add_slope(&mut gradient, texts, *other, texts, text, slope);
        }
    }
    (loss, gradient)
}

/// Adds the gradient of a similarity with respect to a row.
fn add_slope(to: &mut [f64], own: &Compared, row: usize, other: &Compared, with: usize, slope: f64) {
    let start = row * own.dimension;
    let Some(to) = to.get_mut(start..start + own.dimension) else { return };
    to.iter_mut().zip(other.row(with)).for_each(|(to, x)| *to += slope * f64::from(*x));
}

/// The softmax, and the logarithm of its divisor.
fn softmax(scores: &[f64]) -> (Vec<f64>, f64) {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scores.iter().map(|score| libm::exp(score - most)).sum();
    let total = most + libm::log(sum);
    (scores.iter().map(|score| libm::exp(score - total)).collect(), total)
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
            let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
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

            let teacher = compared(values(4, 5));
            let (_, gradient) = disagreement(&of_documents, &teacher, 0.5);
            check(&documents, &of_documents.back(gradient), |moved| disagreement(&compared(moved), &teacher, 0.5).0);
        }
    }

    #[test]
    fn a_model_agrees_with_itself() {
        let texts = Compared::new(values(4, 1), DIMENSION, Similarity::Cosine);
        let (loss, gradient) = disagreement(&texts, &texts, 0.05);
        assert!(loss.abs() < 1e-12 && gradient.iter().all(|x| x.abs() < 1e-12));
    }
}
