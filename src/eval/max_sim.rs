//! Exact late-interaction search: the score of a document is the sum, over the vectors of the query, of the largest product
//! with a vector of the document.
//!
//! Documents come in parts, of which none needs to stay in memory. Products are computed in blocks, and of each block only
//! the largest ones are kept.

use rayon::prelude::*;

use super::Ties;
use super::best::{Best, Hit};
use crate::encoder::MultiVectors;
use crate::kernel::{Matrix, SimdLevel, Threads, max_to, multiply};

/// Some of the texts of [`MultiVectors`].
#[derive(Clone, Copy, Debug)]
pub struct SelectedTexts<'a> {
    /// The vectors of all texts.
    pub vectors: &'a MultiVectors,
    /// The indices of the texts, in order.
    pub picked: &'a [u32],
}

impl<'a> SelectedTexts<'a> {
    fn rows(&self, at: usize) -> &'a [f32] {
        self.picked.get(at).map(|&text| self.vectors.get(text as usize)).unwrap_or_default()
    }

    fn count(&self, at: usize) -> usize {
        self.rows(at).len().checked_div(self.vectors.dimension).unwrap_or(0)
    }

    /// Splits the texts into runs of about `most` vectors, each with its first text and the number of its texts.
    fn runs(&self, range: std::ops::Range<usize>, most: usize) -> Vec<(usize, usize)> {
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut held = 0;
        for at in range {
            let count = self.count(at);
            match runs.last_mut() {
                Some((_, texts)) if held + count <= most => *texts += 1,
                _ => {
                    runs.push((at, 1));
                    held = 0;
                }
            }
            held += count;
        }
        runs
    }
}

/// Numbers of vectors of queries and of documents in a block, whose products stay in a thread's cache. One text with more is
/// a block of its own.
const QUERY_VECTORS: usize = 256;
const DOCUMENT_VECTORS: usize = 512;
/// Number of scores that are held at a time.
const SCORES: usize = 1 << 22;
/// The score of a document without vectors, as in sentence-transformers.
const EMPTY: f32 = -1e9;

/// A search for the best documents of some queries.
pub struct MaxSim {
    blocks: Vec<Queries>,
    dimension: usize,
    /// Whether scores are divided by the number of the query's vectors.
    mean: bool,
    best: Vec<Best>,
    /// For each query, the score that a document has to reach.
    floors: Vec<f32>,
}

/// The queries of a block.
struct Queries {
    first: usize,
    /// The number of vectors of each.
    counts: Vec<usize>,
    /// The number of columns.
    width: usize,
    /// Their vectors as columns.
    columns: Vec<f32>,
}

/// The documents of a block, and their scores for all queries, document by document.
struct Block<'a> {
    first: usize,
    texts: usize,
    scores: &'a mut [f32],
}

/// The scratch memory of a thread.
#[derive(Default)]
struct Buffers {
    rows: Vec<f32>,
    products: Vec<f32>,
    largest: Vec<f32>,
}

impl MaxSim {
    /// Prepares queries, of which each gets its `k` best documents. With `mean` a score is divided by the number of the
    /// query's vectors.
    pub fn new(queries: SelectedTexts<'_>, k: usize, mean: bool) -> Self {
        let total = queries.picked.len();
        let runs = queries.runs(0..total, QUERY_VECTORS);
        let blocks = runs.into_par_iter().map(|(first, texts)| Queries::new(queries, first, texts)).collect();
        Self {
            blocks,
            dimension: queries.vectors.dimension,
            mean,
            best: (0..total).map(|_| Best::new(k)).collect(),
            floors: vec![f32::NEG_INFINITY; total],
        }
    }

    /// The number of queries.
    pub fn queries(&self) -> usize {
        self.best.len()
    }

    /// Searches some documents. `numbers` has each document's index in the whole corpus, and `ranks` the position of every
    /// document of the corpus in the order of ids, which orders documents of equal score as `ties` says.
    pub fn take_in(&mut self, documents: SelectedTexts<'_>, numbers: &[u32], ranks: &[u32], ties: Ties) {
        let queries = self.queries();
        if queries == 0 {
            return;
        }
        let (total, size) = (documents.picked.len(), (SCORES / queries).max(1));
        let mut scores = Vec::new();
        for start in (0..total).step_by(size) {
            let range = start..(start + size).min(total);
            scores.resize(range.len() * queries, 0.0);
            self.scores(documents, range.clone(), &mut scores);
            let Some(numbers) = numbers.get(range) else { return };
            let (best, floors) = (self.best.par_iter_mut(), self.floors.par_iter_mut());
            best.zip(floors).enumerate().for_each(|(query, (best, floor))| {
                for (&score, &document) in scores.iter().skip(query).step_by(queries).zip(numbers) {
                    if score >= *floor {
                        let rank = ranks.get(document as usize).copied().unwrap_or(u32::MAX);
                        *floor = best.offer(Hit { document, score }, rank, ties, *floor);
                    }
                }
            });
        }
    }

    /// The best documents of each query, best first.
    pub fn finish(self) -> Vec<Vec<Hit>> {
        self.best.into_iter().map(Best::finish).collect()
    }

    /// Computes the scores of some of the documents, document by document and query by query.
    ///
    /// # Panics
    /// If `scores` has not one number for each document of the range and query, or if the numbers of dimensions differ.
    pub fn scores(&self, documents: SelectedTexts<'_>, range: std::ops::Range<usize>, scores: &mut [f32]) {
        let queries = self.queries();
        assert_eq!(scores.len(), range.len() * queries, "one score for each document and query");
        assert_eq!(documents.vectors.dimension, self.dimension, "queries and documents have as many dimensions");
        let (mut blocks, mut rest) = (Vec::new(), scores);
        for (first, texts) in documents.runs(range, DOCUMENT_VECTORS) {
            let (scores, left) = rest.split_at_mut(texts * queries);
            blocks.push(Block { first, texts, scores });
            rest = left;
        }
        blocks.into_par_iter().for_each_init(Buffers::default, |buffers, block| {
            for part in &self.blocks {
                part.score(
                    documents,
                    block.first..block.first + block.texts,
                    self.mean,
                    buffers,
                    |at, query, score| {
                        if let Some(found) = block.scores.get_mut(at * queries + query) {
                            *found = score;
                        }
                    },
                );
            }
        });
    }
}

impl Queries {
    fn new(queries: SelectedTexts<'_>, first: usize, texts: usize) -> Self {
        let dimension = queries.vectors.dimension;
        let range = first..first + texts;
        let rows: Vec<f32> = range.clone().flat_map(|at| queries.rows(at).iter().copied()).collect();
        let vectors = rows.len().checked_div(dimension).unwrap_or(0);
        // A product with a single column would be summed in another order than the rest, and equal texts would have
        // different scores.
        let width = vectors.max(2);
        let mut columns = vec![0.0; dimension * width];
        for (column, row) in rows.chunks_exact(dimension.max(1)).enumerate() {
            for (to, x) in columns.iter_mut().skip(column).step_by(width).zip(row) {
                *to = *x;
            }
        }
        Self { first, counts: range.map(|at| queries.count(at)).collect(), width, columns }
    }

    /// Computes the scores of the documents `range`. `put` gets the document's place in the range, the query and the score.
    fn score(
        &self,
        documents: SelectedTexts<'_>,
        range: std::ops::Range<usize>,
        mean: bool,
        buffers: &mut Buffers,
        mut put: impl FnMut(usize, usize, f32),
    ) {
        let (dimension, width) = (documents.vectors.dimension.max(1), self.width);
        let Buffers { rows, products, largest } = buffers;
        rows.clear();
        for at in range.clone() {
            rows.extend_from_slice(documents.rows(at));
        }
        // As for columns, there are at least two rows.
        rows.resize(rows.len().max(2 * dimension), 0.0);
        products.resize(rows.len() / dimension * width, 0.0);
        let (left, right) = (Matrix::of_rows(rows, dimension), Matrix::of_rows(&self.columns, width));
        multiply(products, width, left, right, 1.0, Threads::One);
        let mut products = products.chunks_exact(width);
        for (place, at) in range.enumerate() {
            largest.clear();
            largest.resize(width, f32::NEG_INFINITY);
            let count = documents.count(at);
            for row in products.by_ref().take(count) {
                max_to(SimdLevel::best(), largest, row);
            }
            let mut rest = largest.as_slice();
            for (query, &vectors) in self.counts.iter().enumerate() {
                let (own, others) = rest.split_at(vectors);
                rest = others;
                let sum: f64 = own.iter().map(|x| f64::from(*x)).sum();
                let sum = if mean { sum / vectors.max(1) as f64 } else { sum };
                put(place, self.first + query, if count == 0 { EMPTY } else { sum as f32 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vectors(texts: &[Vec<[i8; 3]>]) -> MultiVectors {
        let mut found = MultiVectors { dimension: 3, ..MultiVectors::default() };
        for text in texts {
            found.push(&text.iter().flatten().map(|x| f32::from(*x)).collect::<Vec<f32>>());
        }
        found
    }

    /// The score of every pair in float64, sorted.
    fn naive(
        queries: &MultiVectors,
        documents: &MultiVectors,
        mean: bool,
        ranks: &[u32],
        ties: Ties,
        k: usize,
    ) -> Vec<Vec<(u32, f64)>> {
        let score = |query: &[f32], document: &[f32]| -> f64 {
            if document.is_empty() {
                return -1e9;
            }
            let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
            let largest = |x: &[f32]| document.chunks_exact(3).map(|y| dot(x, y)).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = query.chunks_exact(3).map(largest).sum();
            if mean { sum / (query.len() / 3).max(1) as f64 } else { sum }
        };
        let of_query = |query: &[f32]| {
            let mut all: Vec<(u32, f64)> =
                documents.texts().enumerate().map(|(at, document)| (at as u32, score(query, document) + 0.0)).collect();
            all.sort_by(|a, b| {
                b.1.total_cmp(&a.1).then_with(|| {
                    let order = ranks[b.0 as usize].cmp(&ranks[a.0 as usize]);
                    if ties == Ties::Ascending { order.reverse() } else { order }
                })
            });
            all.truncate(k);
            all
        };
        queries.texts().map(of_query).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        // Small integers make exact scores and many ties. The corpus comes in two parts, the second one backwards.
        #[test]
        fn the_best_are_found_in_order(
            queries in proptest::collection::vec(proptest::collection::vec(proptest::array::uniform3(-2i8..3), 0..5), 1..9),
            documents in proptest::collection::vec(proptest::collection::vec(proptest::array::uniform3(-2i8..3), 0..7), 1..60),
            k in 1usize..70, cut in 0usize..60, ascending: bool, mean: bool,
        ) {
            let (queries, documents) = (vectors(&queries), vectors(&documents));
            let total = documents.len() as u32;
            let ranks: Vec<u32> = (0..total).map(|i| i.wrapping_mul(2_654_435_761) % 997 * 100 + i).collect();
            let ties = if ascending { Ties::Ascending } else { Ties::Descending };
            let all: Vec<u32> = (0..queries.len() as u32).collect();
            let mut search = MaxSim::new(SelectedTexts { vectors: &queries, picked: &all }, k, mean);
            let cut = (cut as u32).min(total);
            for picked in [(0..cut).collect::<Vec<u32>>(), (cut..total).rev().collect()] {
                search.take_in(SelectedTexts { vectors: &documents, picked: &picked }, &picked, &ranks, ties);
            }
            let found: Vec<Vec<(u32, f64)>> = search
                .finish()
                .iter()
                .map(|hits| hits.iter().map(|hit| (hit.document, f64::from(hit.score))).collect())
                .collect();
            let expected = naive(&queries, &documents, mean, &ranks, ties, k);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(found.len(), expected.len());
                for (one, other) in found.iter().zip(expected) {
                    prop_assert!(one.0 == other.0 && (one.1 - other.1).abs() < 1e-5, "{:?} {:?}", one, other);
                }
            }
        }
    }

    #[test]
    fn long_texts_fill_blocks_of_their_own() {
        let text = |seed: usize, count: usize| -> Vec<[i8; 3]> {
            (0..count).map(|at| [0, 1, 2].map(|k| ((seed * 31 + at * 7 + k * 5) % 9) as i8 - 4)).collect()
        };
        let queries = vectors(&[text(1, 300), text(2, 1), text(3, 200), text(4, 100)]);
        let documents = vectors(&(0..40).map(|at| text(at, at * at)).collect::<Vec<_>>());
        let (some, all): (Vec<u32>, Vec<u32>) = ((0..4).collect(), (0..40).collect());
        let mut search = MaxSim::new(SelectedTexts { vectors: &queries, picked: &some }, 40, false);
        search.take_in(SelectedTexts { vectors: &documents, picked: &all }, &all, &all, Ties::Ascending);
        let expected = naive(&queries, &documents, false, &all, Ties::Ascending, 40);
        for (found, expected) in search.finish().iter().zip(&expected) {
            let found: Vec<u32> = found.iter().map(|hit| hit.document).collect();
            assert_eq!(found, expected.iter().map(|(document, _)| *document).collect::<Vec<_>>());
        }
    }
}
