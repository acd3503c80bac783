//! The texts of one step, and the losses on their embeddings.

use std::ops::Range;

use super::data::{Direction, Pair, shuffle};
use super::objective::{Target, contrastive, disagreement};
use super::request::Settings;
use super::similarity::Compared;
use super::teaching::Teaching;
use crate::encoder::{Embeddings, Encoder, Tokens};
use crate::eval::{Similarity, draw};

/// Of the most similar documents that a query is told from, so many are drawn from.
pub(super) const SIMILAR: usize = 8;

/// Texts and what is computed from them.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The texts, by their numbers in the pool.
    pub(super) queries: Vec<usize>,
    pub(super) documents: Vec<usize>,
    tasks: Vec<Task>,
}

/// A loss on some of a batch's texts.
#[derive(Debug)]
enum Task {
    /// Queries find their documents.
    Pairs { queries: Range<usize>, documents: Range<usize>, targets: Vec<Target> },
    /// Texts are as similar to each other as a teacher finds them.
    Texts { documents: Range<usize>, teacher: Vec<f32>, dimension: usize, similarity: Similarity },
}

/// The mean loss of a batch, and its gradient with respect to the embeddings of queries and of documents.
pub(super) struct Losses {
    pub(super) mean: f64,
    pub(super) upstream: [Vec<f32>; 2],
}

impl Batch {
    /// The pairs and texts of a step, which depend on its number and the seed alone.
    pub(super) fn of_step(directions: &[Direction], teachings: &[Teaching], settings: &Settings, step: usize) -> Self {
        let mut batch = Self::default();
        for (index, direction) in directions.iter().enumerate() {
            let pairs = taken(&direction.train, settings, settings.batch, (index, step));
            let mut documents: Vec<usize> = pairs.iter().map(|pair| pair.positive).collect();
            for (at, pair) in pairs.iter().enumerate() {
                let count = pair.similar.len().min(SIMILAR);
                let mut order: Vec<usize> = (0..count).collect();
                shuffle(&mut order, draw(settings.seed, (step * 4099 + index * 257 + at) as u64));
                documents.extend(order.iter().take(settings.negatives).filter_map(|at| pair.similar.get(*at)));
            }
            documents.sort_unstable();
            documents.dedup();
            batch.add_pairs(&pairs, &documents);
        }
        for (index, teaching) in teachings.iter().enumerate() {
            let texts = taken(&teaching.train, settings, 2 * settings.batch, (index + directions.len(), step));
            batch.add_texts(teaching, &texts.into_iter().copied().collect::<Vec<_>>());
        }
        batch
    }

    /// All pairs and texts for validation. Queries are told from all documents that are not held out.
    pub(super) fn of_validation(directions: &[Direction], teachings: &[Teaching]) -> Self {
        let mut batch = Self::default();
        for direction in directions.iter().filter(|direction| !direction.validation.is_empty()) {
            batch.add_pairs(&direction.validation.iter().collect::<Vec<_>>(), &direction.documents);
        }
        for teaching in teachings.iter().filter(|teaching| teaching.validation.len() > 1) {
            batch.add_texts(teaching, &teaching.validation);
        }
        batch
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    fn add_pairs(&mut self, pairs: &[&Pair], documents: &[usize]) {
        let row = |document: &usize| documents.binary_search(document).ok();
        let target = |pair: &&Pair| {
            let positive = row(&pair.positive)?;
            let others = pair.relevant.iter().filter(|document| **document != pair.positive);
            Some((pair.query, Target { positive, excluded: others.filter_map(row).collect() }))
        };
        let (queries, targets): (Vec<usize>, Vec<Target>) = pairs.iter().filter_map(target).unzip();
        let ranges = (self.queries.len(), self.documents.len());
        self.queries.extend(queries);
        self.documents.extend(documents);
        let (queries, documents) = (ranges.0..self.queries.len(), ranges.1..self.documents.len());
        self.tasks.push(Task::Pairs { queries, documents, targets });
    }

    fn add_texts(&mut self, teaching: &Teaching, texts: &[usize]) {
        let start = self.documents.len();
        self.documents.extend(texts);
        let documents = start..self.documents.len();
        let teacher = texts.iter().flat_map(|text| teaching.embedding(*text)).copied().collect();
        let (dimension, similarity) = (teaching.dimension, teaching.similarity);
        self.tasks.push(Task::Texts { documents, teacher, dimension, similarity });
    }

    /// Picks the tokens of the batch's texts.
    pub(super) fn tokens(&self, [queries, documents]: &[Tokens; 2]) -> [Tokens; 2] {
        [queries.pick(&self.queries), documents.pick(&self.documents)]
    }

    /// The losses of the batch's tasks, all of one weight.
    pub(super) fn losses(&self, embeddings: &[Embeddings; 2], similarity: Similarity, temperature: f64) -> Losses {
        let [queries, documents] = embeddings;
        let dimension = queries.dimension.max(documents.dimension).max(1);
        let mut losses =
            Losses { mean: 0.0, upstream: [vec![0.0; queries.values.len()], vec![0.0; documents.values.len()]] };
        let share = 1.0 / self.tasks.len().max(1) as f64;
        let rows = |of: &Embeddings, range: &Range<usize>| {
            let values = of.values.get(range.start * dimension..range.end * dimension).unwrap_or_default();
            Compared::new(values.to_vec(), dimension, similarity)
        };
        for task in &self.tasks {
            let loss = match task {
                Task::Pairs { queries: of_queries, documents: of_documents, targets } => {
                    let (own, others) = (rows(queries, of_queries), rows(documents, of_documents));
                    let found = contrastive(&own, &others, targets, temperature);
                    losses.add(0, own.back(found.queries), of_queries.start * dimension, share);
                    losses.add(1, others.back(found.documents), of_documents.start * dimension, share);
                    found.mean
                }
                Task::Texts { documents: texts, teacher, dimension: taught, similarity } => {
                    let own = rows(documents, texts);
                    let (loss, gradient) =
                        disagreement(&own, &Compared::new(teacher.clone(), *taught, *similarity), temperature);
                    losses.add(1, own.back(gradient), texts.start * dimension, share);
                    loss
                }
            };
            losses.mean += share * loss;
        }
        losses
    }
}

impl Losses {
    fn add(&mut self, side: usize, gradient: Vec<f32>, start: usize, share: f64) {
        let to = self.upstream[side].iter_mut().skip(start);
        to.zip(gradient).for_each(|(to, x)| *to += (f64::from(x) * share) as f32);
    }
}

/// Encodes the tokens of queries and of documents.
pub(super) fn encode(
    encoder: &Encoder,
    [queries, documents]: &[Tokens; 2],
    cancel: &crate::progress::Cancel,
) -> Result<[Embeddings; 2], crate::encoder::Error> {
    let mut going = |_, _| cancel.flow();
    Ok([encoder.encode(queries, &mut going)?, encoder.encode(documents, &mut going)?])
}

/// Takes `count` entries of a list for a step: every entry once before one comes again, in an order that the seed decides.
fn taken<'a, T>(list: &'a [T], settings: &Settings, count: usize, (stream, step): (usize, usize)) -> Vec<&'a T> {
    let length = list.len().max(1);
    let count = count.min(list.len());
    let rounds = length / count.max(1);
    let (round, place) = (step / rounds.max(1), step % rounds.max(1));
    let mut order: Vec<&T> = list.iter().collect();
    shuffle(&mut order, draw(settings.seed.wrapping_add(stream as u64), round as u64));
    order.into_iter().skip(place * count).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_taken_once_before_one_comes_again() {
        let list: Vec<usize> = (0..10).collect();
        let settings = Settings::default();
        let mut seen: Vec<usize> = (0..3).flat_map(|step| taken(&list, &settings, 3, (0, step))).copied().collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 9);
        assert_eq!(taken(&list, &settings, 3, (0, 1)), taken(&list, &settings, 3, (0, 1)));
        assert_ne!(taken(&list, &settings, 3, (0, 0)), taken(&list, &settings, 3, (0, 3)));
        assert_eq!(taken(&list, &settings, 30, (0, 5)).len(), 10);
    }
}
