//! Exact search: compares every query with every document in blocks, and keeps the best.

use std::ops::Range;

use rayon::prelude::*;

use super::Ties;
use super::best::{Best, Hit};
use crate::checkpoint::{ModelKind, Settings};
use crate::encoder::Retriever;
use crate::kernel::{Matrix, SimdLevel, Threads, multiply, reaching};

/// How two embeddings are compared; a larger score is a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Similarity {
    /// The cosine of their angle.
    Cosine,
    /// Their dot product.
    Dot,
    /// The negative Euclidean distance.
    Euclidean,
    /// The negative Manhattan distance.
    Manhattan,
}

impl Similarity {
    /// The similarity that sentence-transformers calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "cosine" => Self::Cosine,
            "dot" | "dot_product" => Self::Dot,
            "euclidean" => Self::Euclidean,
            "manhattan" => Self::Manhattan,
            _ => return None,
        })
    }

    /// How a model with these settings compares vectors; `None` if its folder names a similarity that is not known. A
    /// late-interaction model sums up dot products.
    pub fn of_model(settings: &Settings) -> Option<Self> {
        if settings.late_interaction.is_some() {
            return Some(Self::Dot);
        }
        Self::from_name(settings.similarity.as_written())
    }

    /// The same for a retriever: sparse vectors of a folder that does not say that it has them are compared by dot products.
    #[must_use]
    pub fn used_by(self, retriever: &Retriever, settings: &Settings) -> Self {
        match retriever {
            Retriever::Sparse(_) if settings.kind != ModelKind::Sparse => Self::Dot,
            _ => self,
        }
    }

    /// The similarity of two embeddings, in float64.
    pub fn of(self, one: &[f32], other: &[f32]) -> f64 {
        let sum = |term: fn(f64, f64) -> f64, x: &[f32], y: &[f32]| -> f64 {
            x.iter().zip(y).map(|(x, y)| term(f64::from(*x), f64::from(*y))).sum()
        };
        let dot = |x: &[f32], y: &[f32]| sum(|x, y| x * y, x, y);
        let norm = |x: &[f32]| dot(x, x).sqrt().max(f64::from(SMALLEST_NORM));
        match self {
            Self::Cosine => dot(one, other) / (norm(one) * norm(other)),
            Self::Dot => dot(one, other),
            Self::Euclidean => -sum(|x, y| (x - y) * (x - y), one, other).sqrt(),
            Self::Manhattan => -sum(|x, y| (x - y).abs(), one, other),
        }
    }
}

/// A selection of a matrix's rows.
#[derive(Clone, Copy, Debug)]
pub struct SelectedRows<'a> {
    /// The matrix, row by row.
    pub values: &'a [f32],
    /// The length of a row.
    pub dimension: usize,
    /// The indices of the rows, in order.
    pub picked: &'a [u32],
}

impl SelectedRows<'_> {
    fn row(&self, at: usize) -> &[f32] {
        let start = self.picked[at] as usize * self.dimension;
        &self.values[start..start + self.dimension]
    }

    /// Copies the rows `range`, normalised to length one for cosines, on all threads.
    fn gather(&self, range: Range<usize>, similarity: Similarity, out: &mut Vec<f32>) {
        out.resize(range.len() * self.dimension, 0.0);
        let rows = out.par_chunks_exact_mut(self.dimension.max(1)).with_min_len(GATHERED);
        rows.zip(range).for_each(|(out, at)| {
            let row = self.row(at);
            if similarity == Similarity::Cosine {
                let norm = square(row).sqrt().max(SMALLEST_NORM);
                for (out, x) in out.iter_mut().zip(row) {
                    *out = x / norm;
                }
            } else {
                out.copy_from_slice(row);
            }
        });
    }
}

/// The sum of a row's squares.
fn square(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [0f32; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane += x * x;
        }
    }
    rest.iter().fold(lanes.iter().sum(), |sum, x| sum + x * x)
}

/// The smallest norm that is divided by, as in torch.
const SMALLEST_NORM: f32 = 1e-12;
/// Numbers of queries and documents in a block, whose scores stay in a thread's cache.
const QUERY_BLOCK: usize = 128;
const DOCUMENT_BLOCK: usize = 2048;
/// The fewest rows that a thread copies at a time.
const GATHERED: usize = 64;
/// Number of partial sums that are added side by side.
const LANES: usize = 16;

/// The size of blocks that are as equal as possible. A single leftover row would be summed in another order than the rest,
/// and equal texts would no longer have equal scores.
pub(super) fn even(total: usize, block: usize) -> usize {
    total.div_ceil(total.div_ceil(block).max(1)).max(1)
}

/// How queries are compared with documents, in blocks of both.
pub(super) trait Comparison: Sync {
    /// A block of queries, laid out to be compared.
    type Queries: Send + Sync;
    /// A block of documents, and its memory for the next block.
    type Documents: Default + Sync;
    /// The largest number of documents in a block.
    const DOCUMENTS: usize = DOCUMENT_BLOCK;

    /// The number of queries.
    fn queries(&self) -> usize;

    /// The number of documents.
    fn documents(&self) -> usize;

    /// Lays a block of queries out.
    fn take_queries(&self, range: Range<usize>) -> Self::Queries;

    /// Lays a block of documents out, on all threads.
    fn take_documents(&self, range: Range<usize>, block: &mut Self::Documents);

    /// Computes all scores of a block of queries and a block of documents: a row for each document, a column for each query.
    /// `scores` has the size of that, and anything in it.
    fn compare(&self, queries: &Self::Queries, documents: &Self::Documents, scores: &mut [f32]);
}

/// The `k` best documents of each query by the similarity of dense vectors, best first.
pub fn search(
    queries: SelectedRows<'_>,
    documents: SelectedRows<'_>,
    similarity: Similarity,
    ranks: &[u32],
    ties: Ties,
    k: usize,
) -> Vec<Vec<Hit>> {
    best_of(&Rows { queries, documents, similarity }, ranks, ties, k)
}

/// The `k` best documents of each query, best first.
///
/// `ranks` has each document's position in the order of ids, which orders documents of equal score as `ties` says. Scores
/// are computed in f32. Memory is that of the queries, a block, and 2k hits for each query.
pub(super) fn best_of<C: Comparison>(comparison: &C, ranks: &[u32], ties: Ties, k: usize) -> Vec<Vec<Hit>> {
    let (queries, documents) = (comparison.queries(), comparison.documents());
    let (query_size, document_size) = (even(queries, QUERY_BLOCK), even(documents, C::DOCUMENTS));
    let starts: Vec<usize> = (0..queries).step_by(query_size).collect();
    let range = |&start: &usize| start..(start + query_size).min(queries);
    let mut found: Vec<Found<C::Queries>> =
        starts.par_iter().map(range).map(|range| Found::new(range.len(), comparison.take_queries(range), k)).collect();
    let mut block = C::Documents::default();
    for start in (0..documents).step_by(document_size) {
        let range = start..(start + document_size).min(documents);
        let count = range.len();
        comparison.take_documents(range, &mut block);
        found.par_iter_mut().for_each_init(SearchBuffers::default, |buffers, found| {
            buffers.scores.resize(count * found.best.len(), 0.0);
            comparison.compare(&found.queries, &block, &mut buffers.scores);
            found.take_in(start, ranks, ties, buffers);
        });
    }
    found.into_iter().flat_map(|found| found.best).map(Best::finish).collect()
}

/// The scratch memory of a thread.
#[derive(Default)]
struct SearchBuffers {
    /// One row for each document, one column for each query.
    scores: Vec<f32>,
    reaching: Vec<u32>,
}

/// Dense vectors that are compared by a similarity.
pub(super) struct Rows<'a> {
    pub(super) queries: SelectedRows<'a>,
    pub(super) documents: SelectedRows<'a>,
    pub(super) similarity: Similarity,
}

impl Comparison for Rows<'_> {
    /// The queries as dimensions × queries for the matrix product, or one row for each query for Manhattan distances.
    type Queries = Vec<f32>;
    type Documents = Vec<f32>;

    fn queries(&self) -> usize {
        self.queries.picked.len()
    }

    fn documents(&self) -> usize {
        self.documents.picked.len()
    }

    fn take_queries(&self, range: Range<usize>) -> Vec<f32> {
        let (mut rows, dimension) = (Vec::new(), self.queries.dimension);
        self.queries.gather(range, self.similarity, &mut rows);
        if self.similarity == Similarity::Manhattan {
            return rows;
        }
        (0..dimension).flat_map(|at| rows.iter().skip(at).step_by(dimension).copied()).collect()
    }

    fn take_documents(&self, range: Range<usize>, block: &mut Vec<f32>) {
        self.documents.gather(range, self.similarity, block);
    }

    fn compare(&self, queries: &Vec<f32>, documents: &Vec<f32>, scores: &mut [f32]) {
        let dimension = self.documents.dimension.max(1);
        let width = queries.len() / dimension;
        let rows = || documents.chunks_exact(dimension);
        if self.similarity == Similarity::Manhattan {
            for (scores, document) in scores.chunks_exact_mut(width).zip(rows()) {
                for (score, query) in scores.iter_mut().zip(queries.chunks_exact(dimension)) {
                    *score = -query.iter().zip(document).map(|(x, y)| (x - y).abs()).sum::<f32>();
                }
            }
            return;
        }
        let right = Matrix::of_rows(queries, width);
        multiply(scores, width, Matrix::of_rows(documents, dimension), right, 1.0, Threads::One);
        if self.similarity == Similarity::Euclidean {
            let mut own = vec![0.0; width];
            for row in queries.chunks_exact(width) {
                own.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * x);
            }
            for (scores, document) in scores.chunks_exact_mut(width).zip(rows()) {
                let length = square(document);
                for (score, own) in scores.iter_mut().zip(&own) {
                    *score = -(own + length - 2.0 * *score).max(0.0).sqrt();
                }
            }
        }
    }
}

/// Some queries, and their best documents so far.
struct Found<Q> {
    queries: Q,
    best: Vec<Best>,
    /// For each query, the score that a document has to reach.
    floors: Vec<f32>,
}

impl<Q> Found<Q> {
    fn new(count: usize, queries: Q, k: usize) -> Self {
        let best = (0..count).map(|_| Best::new(k)).collect();
        Self { queries, best, floors: vec![f32::NEG_INFINITY; count] }
    }

    /// Keeps the best of the documents from `start` on.
    fn take_in(&mut self, start: usize, ranks: &[u32], ties: Ties, buffers: &mut SearchBuffers) {
        let SearchBuffers { scores, reaching: indices } = buffers;
        indices.clear();
        // Most are worse than the worst that is kept. NaN is never offered.
        reaching(SimdLevel::best(), scores, &self.floors, indices);
        for &index in &*indices {
            let (document, query) = (start + index as usize / self.best.len(), index as usize % self.best.len());
            let score = scores[index as usize];
            let floor = &mut self.floors[query];
            if score >= *floor {
                *floor =
                    self.best[query].offer(Hit { document: document as u32, score }, ranks[document], ties, *floor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every score of every pair, sorted.
    fn naive(
        queries: SelectedRows<'_>,
        documents: SelectedRows<'_>,
        similarity: Similarity,
        ranks: &[u32],
        ties: Ties,
        k: usize,
    ) -> Vec<Vec<u32>> {
        let score = |x: &[f32], y: &[f32]| -> f64 {
            let pairs = || x.iter().zip(y).map(|(x, y)| (f64::from(*x), f64::from(*y)));
            let norm = |x: &[f32]| x.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt().max(1e-12);
            // Zero has one sign.
            0.0 + match similarity {
                Similarity::Dot => pairs().map(|(x, y)| x * y).sum(),
                Similarity::Cosine => pairs().map(|(x, y)| x * y).sum::<f64>() / norm(x) / norm(y),
                Similarity::Euclidean => -pairs().map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt(),
                Similarity::Manhattan => -pairs().map(|(x, y)| (x - y).abs()).sum::<f64>(),
            }
        };
        (0..queries.picked.len())
            .map(|query| {
                let mut all: Vec<(f64, u32)> = (0..documents.picked.len())
                    .map(|document| (score(queries.row(query), documents.row(document)), document as u32))
                    .collect();
                all.sort_by(|a, b| {
                    b.0.total_cmp(&a.0).then_with(|| {
                        let order = ranks[b.1 as usize].cmp(&ranks[a.1 as usize]);
                        if ties == Ties::Ascending { order.reverse() } else { order }
                    })
                });
                all.into_iter().take(k).map(|(_, document)| document).collect()
            })
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        // Small integers make exact scores and many ties.
        #[test]
        fn the_best_are_found_in_order(
            matrix in proptest::collection::vec(proptest::array::uniform3(-2i8..3), 1..60), k in 1usize..70, ascending: bool,
        ) {
            let values: Vec<f32> = matrix.iter().flatten().map(|x| f32::from(*x)).collect();
            let picked: Vec<u32> = (0..matrix.len() as u32).rev().collect();
            let queries = SelectedRows { values: &values, dimension: 3, picked: &picked[..matrix.len() / 2] };
            let documents = SelectedRows { values: &values, dimension: 3, picked: &picked };
            let ranks: Vec<u32> = (0..matrix.len() as u32).map(|i| i.wrapping_mul(2_654_435_761) % 997 * 100 + i).collect();
            let ties = if ascending { Ties::Ascending } else { Ties::Descending };
            for similarity in [Similarity::Dot, Similarity::Euclidean, Similarity::Manhattan] {
                let found = search(queries, documents, similarity, &ranks, ties, k);
                let found: Vec<Vec<u32>> = found.iter().map(|hits| hits.iter().map(|hit| hit.document).collect()).collect();
                prop_assert_eq!(found, naive(queries, documents, similarity, &ranks, ties, k));
            }
        }
    }
}
