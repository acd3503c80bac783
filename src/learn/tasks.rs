//! What the merge is to be good at: queries find their documents, and texts are as similar as a teacher finds them.

use rayon::prelude::*;

use super::data::{Direction, Pair};
use super::objective::{Aims, Target, contrastive, disagreement};
use super::rows::Rows;
use super::similarity::Compared;
use super::teaching::Teaching;
use crate::eval::Similarity;

/// A loss on some texts, by the rows of their embeddings.
#[derive(Debug)]
enum Task {
    /// Queries find their documents.
    Pairs { queries: Vec<usize>, documents: Vec<usize>, targets: Vec<Target> },
    /// Texts are as similar to each other as a teacher finds them.
    Texts { texts: Vec<usize>, aims: Aims },
}

/// The tasks of some texts: one for each direction and teacher.
#[derive(Debug)]
pub(super) struct Tasks {
    all: Vec<Task>,
    similarity: Similarity,
    temperature: f64,
}

/// The loss of a task and its gradient with respect to the embeddings of all texts, by row.
struct Found {
    loss: f64,
    rows: Vec<usize>,
    gradient: Vec<f32>,
}

impl Tasks {
    /// The tasks of what is learned from. Queries are told from all documents that are not held out.
    pub(super) fn of_training(directions: &[Direction], teachings: &[Teaching], rows: &Rows, temperature: f64) -> Self {
        let pairs = directions.iter().map(|direction| pairs(&direction.train, direction, rows));
        let texts = teachings.iter().map(|teaching| texts(&teaching.train, teaching, rows, temperature));
        Self { all: pairs.chain(texts).collect(), similarity: rows.similarity, temperature }
    }

    /// Those of validation. A direction without such pairs has none.
    pub(super) fn of_validation(
        directions: &[Direction],
        teachings: &[Teaching],
        rows: &Rows,
        temperature: f64,
    ) -> Self {
        let directions = directions.iter().filter(|direction| !direction.validation.is_empty());
        let pairs = directions.map(|direction| pairs(&direction.validation, direction, rows));
        let teachings = teachings.iter().filter(|teaching| teaching.validation.len() > 1);
        let texts = teachings.map(|teaching| texts(&teaching.validation, teaching, rows, temperature));
        Self { all: pairs.chain(texts).collect(), similarity: rows.similarity, temperature }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The loss of each task.
    pub(super) fn losses(&self, embeddings: &[f32], dimension: usize) -> Vec<f64> {
        self.found(embeddings, dimension).into_iter().map(|found| found.loss).collect()
    }

    /// The loss of each task, and the gradient of their sum with respect to all embeddings, in which the loss of a task has the
    /// weight that `weight` gives it.
    pub(super) fn gradient(
        &self,
        embeddings: &[f32],
        dimension: usize,
        weight: impl Fn(usize, f64) -> f64,
    ) -> (Vec<f64>, Vec<f32>) {
        let mut sum = vec![0.0; embeddings.len()];
        let found = self.found(embeddings, dimension);
        for (task, found) in found.iter().enumerate() {
            let weight = weight(task, found.loss);
            for (row, gradient) in found.rows.iter().zip(found.gradient.chunks_exact(dimension.max(1))) {
                let sum = sum.iter_mut().skip(row * dimension);
                sum.zip(gradient).for_each(|(sum, slope)| *sum += (f64::from(*slope) * weight) as f32);
            }
        }
        (found.into_iter().map(|found| found.loss).collect(), sum)
    }

    fn found(&self, embeddings: &[f32], dimension: usize) -> Vec<Found> {
        let compared = |rows: &[usize]| {
            let row = |row: &usize| embeddings.get(row * dimension..(row + 1) * dimension).unwrap_or_default();
            Compared::new(rows.iter().flat_map(row).copied().collect(), dimension, self.similarity)
        };
        let found = |task: &Task| match task {
            Task::Pairs { queries, documents, targets } => {
                let (of_queries, of_documents) = (compared(queries), compared(documents));
                let loss = contrastive(&of_queries, &of_documents, targets, self.temperature);
                let mut gradient = of_queries.back(loss.queries);
                gradient.extend(of_documents.back(loss.documents));
                Found { loss: loss.mean, rows: queries.iter().chain(documents).copied().collect(), gradient }
            }
            Task::Texts { texts, aims } => {
                let own = compared(texts);
                let (loss, gradient) = disagreement(&own, aims, self.temperature);
                Found { loss, rows: texts.clone(), gradient: own.back(gradient) }
            }
        };
        self.all.par_iter().map(found).collect()
    }
}

fn pairs(pairs: &[Pair], direction: &Direction, rows: &Rows) -> Task {
    let place = |document: &usize| direction.documents.binary_search(document).ok();
    let target = |pair: &Pair| {
        let positive = place(&pair.positive)?;
        let others = pair.relevant.iter().filter(|document| **document != pair.positive);
        Some((rows.queries[pair.query], Target { positive, excluded: others.filter_map(place).collect() }))
    };
    let (queries, targets) = pairs.iter().filter_map(target).unzip();
    let documents = direction.documents.iter().map(|document| rows.documents[*document]).collect();
    Task::Pairs { queries, documents, targets }
}

fn texts(texts: &[usize], teaching: &Teaching, rows: &Rows, temperature: f64) -> Task {
    let taught = texts.iter().flat_map(|text| teaching.embedding(*text)).copied().collect();
    let teacher = Compared::new(taught, teaching.dimension, teaching.similarity);
    let rows = texts.iter().map(|text| rows.documents[*text]).collect();
    Task::Texts { texts: rows, aims: Aims::of(&teacher, temperature) }
}
