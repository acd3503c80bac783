//! Exact search: compares every query with every document in blocks, and keeps the best.

use std::ops::Range;

use rayon::prelude::*;

use super::Ties;
use super::best::{Best, Hit};
use crate::checkpoint::{ModelKind, Settings};
use crate::encoder::Retriever;
use crate::kernel::{SimdLevel, reaching};

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

/// The smallest norm that is divided by, as in torch.
pub(super) const SMALLEST_NORM: f32 = 1e-12;
/// Numbers of queries and documents in a block, whose scores stay in a thread's cache.
const QUERY_BLOCK: usize = 128;
const DOCUMENT_BLOCK: usize = 2048;
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

    /// How far, at most, each query's scores are from those of [`Self::exact`]; nothing where they are the scores.
    fn slack(&self, _queries: &Self::Queries, _documents: &Self::Documents) -> Vec<f32> {
        Vec::new()
    }

    /// The score of one query and one document of the blocks, where [`Self::compare`] only comes near it.
    fn exact(&self, _queries: &Self::Queries, _documents: &Self::Documents, _query: usize, _document: usize) -> f32 {
        f32::NAN
    }
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
            found.take_in(comparison, (start, &block), (ranks, ties), buffers);
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

    /// Keeps the best of a block of documents, the first of which is number `start`.
    fn take_in<C: Comparison<Queries = Q>>(
        &mut self,
        comparison: &C,
        (start, documents): (usize, &C::Documents),
        (ranks, ties): (&[u32], Ties),
        buffers: &mut SearchBuffers,
    ) {
        let SearchBuffers { scores, reaching: indices } = buffers;
        indices.clear();
        let slack = comparison.slack(&self.queries, documents);
        let lowered: Vec<f32> =
            self.floors.iter().zip(&slack).map(|(floor, slack)| (floor - slack).max(f32::NEG_INFINITY)).collect();
        // Most are worse than the worst that is kept. NaN is never offered.
        reaching(SimdLevel::best(), scores, if slack.is_empty() { &self.floors } else { &lowered }, indices);
        for &index in &*indices {
            let (row, query) = (index as usize / self.best.len(), index as usize % self.best.len());
            let score = if slack.is_empty() {
                scores[index as usize]
            } else {
                comparison.exact(&self.queries, documents, query, row)
            };
            let (document, floor) = (start + row, &mut self.floors[query]);
            if score >= *floor {
                *floor =
                    self.best[query].offer(Hit { document: document as u32, score }, ranks[document], ties, *floor);
            }
        }
    }
}
