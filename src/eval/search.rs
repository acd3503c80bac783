//! Exact search: every query against every document, in blocks, with the best kept.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::Ties;
use crate::kernel::{Matrix, Threads, multiply};

/// How two embeddings are compared; a larger score is a better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Similarity {
    /// The cosine of their angle.
    Cosine,
    /// Their dot product.
    Dot,
    /// Less their Euclidean distance.
    Euclidean,
    /// Less their Manhattan distance.
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

/// A document that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Index of the document.
    pub document: u32,
    /// Its score.
    pub score: f32,
}

/// Rows of one length, picked from a matrix.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The matrix, row by row.
    pub values: &'a [f32],
    /// The length of a row.
    pub dimension: usize,
    /// Which rows, in which order.
    pub picked: &'a [u32],
}

impl Rows<'_> {
    fn row(&self, at: usize) -> &[f32] {
        let start = self.picked[at] as usize * self.dimension;
        &self.values[start..start + self.dimension]
    }

    /// Rows `range`, one after the other, of length one for cosines. On all threads.
    fn gather(&self, range: std::ops::Range<usize>, similarity: Similarity, out: &mut Vec<f32>) {
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

/// torch's floor under a norm that is divided by.
const SMALLEST_NORM: f32 = 1e-12;
/// Queries and documents of a block: their scores stay in a thread's cache, and memory is bounded.
const QUERY_BLOCK: usize = 128;
const DOCUMENT_BLOCK: usize = 2048;
/// Rows that a thread gathers at a time, at least.
const GATHERED: usize = 64;
/// Numbers that are looked at together.
const LANES: usize = 16;

/// The size of blocks that are as equal as can be: a single row left over would be summed in another order than the
/// rest, and equal texts would no longer have equal scores.
fn even(total: usize, block: usize) -> usize {
    total.div_ceil(total.div_ceil(block).max(1)).max(1)
}

/// The `k` best documents of each query, best first.
///
/// `ranks` gives each document's place in the order of ids, by which documents of equal score are ordered as `ties` says.
/// Scores are computed in f32. Memory is that of the queries, of a block and of k hits a query.
pub fn search(
    queries: Rows<'_>,
    documents: Rows<'_>,
    similarity: Similarity,
    ranks: &[u32],
    ties: Ties,
    k: usize,
) -> Vec<Vec<Hit>> {
    let mut found: Vec<Best> = queries.picked.iter().map(|_| Best::new(k)).collect();
    let total = documents.picked.len();
    let (query_size, document_size) = (even(queries.picked.len(), QUERY_BLOCK), even(total, DOCUMENT_BLOCK));
    let (mut rows, mut block) = (Vec::new(), Vec::new());
    queries.gather(0..queries.picked.len(), similarity, &mut rows);
    for start in (0..total).step_by(document_size) {
        let range = start..(start + document_size).min(total);
        documents.gather(range.clone(), similarity, &mut block);
        let blocks = found.par_chunks_mut(query_size).zip(rows.par_chunks(query_size * queries.dimension.max(1)));
        blocks.for_each_init(Vec::new, |scores, (best, rows)| {
            scores.resize(best.len() * range.len(), 0.0);
            compare(similarity, rows, &block, queries.dimension, scores);
            for (best, scores) in best.iter_mut().zip(scores.chunks_exact(range.len())) {
                best.offer_all(scores, start, ranks, ties);
            }
        });
    }
    found.into_iter().map(Best::finish).collect()
}

fn compare(similarity: Similarity, queries: &[f32], documents: &[f32], dimension: usize, scores: &mut [f32]) {
    if similarity == Similarity::Manhattan {
        let width = documents.len() / dimension.max(1);
        let rows = scores.chunks_exact_mut(width.max(1)).zip(queries.chunks_exact(dimension.max(1)));
        for (scores, query) in rows {
            for (score, document) in scores.iter_mut().zip(documents.chunks_exact(dimension)) {
                *score = -query.iter().zip(document).map(|(x, y)| (x - y).abs()).sum::<f32>();
            }
        }
        return;
    }
    let (left, right) = (Matrix::of_rows(queries, dimension), Matrix::of_rows(documents, dimension));
    multiply(scores, right.rows, left, right.transposed(), 1.0, Threads::One);
    if similarity == Similarity::Euclidean {
        let lengths: Vec<f32> = documents.chunks_exact(dimension).map(square).collect();
        for (scores, query) in scores.chunks_exact_mut(lengths.len().max(1)).zip(queries.chunks_exact(dimension)) {
            let own = square(query);
            for (score, length) in scores.iter_mut().zip(&lengths) {
                *score = -(own + length - 2.0 * *score).max(0.0).sqrt();
            }
        }
    }
}

/// A document that may be among the best. The greater candidate is the better one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Candidate {
    score: f32,
    rank: u32,
    document: u32,
}

impl Eq for Candidate {}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then(self.rank.cmp(&other.rank))
    }
}

/// The best candidates so far, the worst of them on top.
struct Best {
    k: usize,
    /// The score of the worst of them once there are k.
    floor: f32,
    heap: BinaryHeap<std::cmp::Reverse<Candidate>>,
}

impl Best {
    fn new(k: usize) -> Self {
        Self { k, floor: f32::NEG_INFINITY, heap: BinaryHeap::new() }
    }

    /// Offers the documents from `start` on.
    fn offer_all(&mut self, scores: &[f32], start: usize, ranks: &[u32], ties: Ties) {
        let (chunks, rest) = scores.as_chunks::<LANES>();
        for (at, chunk) in chunks.iter().enumerate() {
            // Most are worse than the worst that is kept. (A score that is not a number is not offered.)
            let floor = self.floor;
            if chunk.iter().map(|score| u32::from(*score >= floor)).sum::<u32>() > 0 {
                self.offer_some(chunk, start + at * LANES, ranks, ties);
            }
        }
        self.offer_some(rest, start + chunks.len() * LANES, ranks, ties);
    }

    fn offer_some(&mut self, scores: &[f32], start: usize, ranks: &[u32], ties: Ties) {
        for (document, score) in (start..).zip(scores) {
            if *score >= self.floor {
                let rank = if ties == Ties::Ascending { u32::MAX - ranks[document] } else { ranks[document] };
                self.offer(Candidate { score: *score + 0.0, rank, document: document as u32 });
            }
        }
    }

    fn offer(&mut self, candidate: Candidate) {
        if self.heap.len() < self.k {
            self.heap.push(std::cmp::Reverse(candidate));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && candidate > worst.0
        {
            *worst = std::cmp::Reverse(candidate);
        }
        if self.heap.len() == self.k {
            self.floor = self.heap.peek().map_or(self.floor, |worst| worst.0.score);
        }
    }

    fn finish(self) -> Vec<Hit> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|candidate| Hit { document: candidate.0.document, score: candidate.0.score }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every score of every pair, sorted.
    fn naive(
        queries: Rows<'_>,
        documents: Rows<'_>,
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
            let queries = Rows { values: &values, dimension: 3, picked: &picked[..matrix.len() / 2] };
            let documents = Rows { values: &values, dimension: 3, picked: &picked };
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
