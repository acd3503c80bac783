//! Exact search over dense vectors.
//!
//! Where the processor multiplies bfloat16 numbers, products are first computed in that, and those that may reach the best ones,
//! by a bound on the rounding, are computed again in float32: what is found and its scores are those of float32.

use std::ops::Range;

use rayon::prelude::*;

use super::Ties;
use super::best::Hit;
use super::search::{Comparison, SMALLEST_NORM, Similarity, best_of};
use crate::kernel::{
    Matrix, PackedRows, PackedWeights, Parts, Threads, TileLevel, multiply, multiply_packed_rows, tile_level,
};

/// With fewer than so many documents for each that is kept, most scores would be computed twice.
const ROUGH: usize = 16;
/// The fewest rows that a thread copies at a time.
const GATHERED: usize = 64;
/// Number of partial sums that are added side by side.
const LANES: usize = 16;

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
    dot(row, row)
}

/// The sum of the products of two rows' numbers.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let ((chunks, rest), (others, other_rest)) = (one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    let mut lanes = [0f32; LANES];
    for (chunk, other) in chunks.iter().zip(others) {
        for ((lane, x), y) in lanes.iter_mut().zip(chunk).zip(other) {
            *lane += x * y;
        }
    }
    rest.iter().zip(other_rest).fold(lanes.iter().sum(), |sum, (x, y)| sum + x * y)
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
    let tiles = tile_level().filter(|_| documents.picked.len() / ROUGH >= k);
    best_of(&Rows { queries, documents, similarity, tiles }, ranks, ties, k)
}

/// Dense vectors that are compared by a similarity.
pub(super) struct Rows<'a> {
    pub(super) queries: SelectedRows<'a>,
    pub(super) documents: SelectedRows<'a>,
    pub(super) similarity: Similarity,
    /// How products are first computed in bfloat16, if they are.
    pub(super) tiles: Option<TileLevel>,
}

/// A block of queries.
pub(super) struct QueryBlock {
    /// The queries as dimensions × queries for the matrix product, or one row for each query for Manhattan distances and beside
    /// packed ones.
    values: Vec<f32>,
    packed: Option<PackedWeights>,
}

/// A block of documents, row by row.
#[derive(Default)]
pub(super) struct DocumentBlock {
    values: Vec<f32>,
    packed: PackedRows,
    /// The largest norm.
    longest: f32,
}

impl Rows<'_> {
    /// How products are first computed in bfloat16, for similarities that are products.
    fn level(&self) -> Option<TileLevel> {
        self.tiles.filter(|_| matches!(self.similarity, Similarity::Cosine | Similarity::Dot))
    }
}

impl Comparison for Rows<'_> {
    type Queries = QueryBlock;
    type Documents = DocumentBlock;

    fn queries(&self) -> usize {
        self.queries.picked.len()
    }

    fn documents(&self) -> usize {
        self.documents.picked.len()
    }

    fn take_queries(&self, range: Range<usize>) -> QueryBlock {
        let (mut rows, dimension) = (Vec::new(), self.queries.dimension);
        self.queries.gather(range, self.similarity, &mut rows);
        if let Some(level) = self.level() {
            let packed = PackedWeights::new(level, &rows, &[], dimension, Parts::One);
            return QueryBlock { values: rows, packed: Some(packed) };
        }
        if self.similarity != Similarity::Manhattan {
            rows = (0..dimension).flat_map(|at| rows.iter().skip(at).step_by(dimension).copied()).collect();
        }
        QueryBlock { values: rows, packed: None }
    }

    fn take_documents(&self, range: Range<usize>, block: &mut DocumentBlock) {
        self.documents.gather(range, self.similarity, &mut block.values);
        if let Some(level) = self.level() {
            let dimension = self.documents.dimension;
            block.packed.take_in(level, &block.values, dimension);
            let rows = block.values.par_chunks_exact(dimension.max(1)).with_min_len(GATHERED);
            block.longest = rows.map(square).reduce(|| 0.0, f32::max).sqrt();
        }
    }

    fn compare(&self, queries: &QueryBlock, documents: &DocumentBlock, scores: &mut [f32]) {
        if let Some(weights) = &queries.packed {
            multiply_packed_rows(&documents.packed, weights, scores);
            return;
        }
        let (queries, documents) = (&queries.values, &documents.values);
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

    fn slack(&self, queries: &QueryBlock, documents: &DocumentBlock) -> Vec<f32> {
        /// A factor rounded to bfloat16 is off by 2⁻⁸ of it at most, and a product of two by twice that and a little.
        const OF_PRODUCTS: f32 = 0.007_83;
        if queries.packed.is_none() {
            return Vec::new();
        }
        let dimension = self.queries.dimension;
        let count = dimension as f32;
        // Sums round once for each term, both there and in `exact`; the smallest numbers and products count as nothing.
        let of_sums = 2.0 * count * f32::EPSILON;
        let bound = |query: &[f32]| {
            let (norm, longest) = (square(query).sqrt(), documents.longest);
            let slack =
                (OF_PRODUCTS + of_sums) * norm * longest + 4.0 * count * f32::MIN_POSITIVE * (1.0 + norm + longest);
            if slack.is_finite() { slack } else { f32::INFINITY }
        };
        queries.values.chunks_exact(dimension.max(1)).map(bound).collect()
    }

    fn exact(&self, queries: &QueryBlock, documents: &DocumentBlock, query: usize, document: usize) -> f32 {
        let row = |at: usize| at * self.queries.dimension..(at + 1) * self.queries.dimension;
        dot(&queries.values[row(query)], &documents.values[row(document)])
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

    #[test]
    fn a_rough_first_pass_loses_nothing() {
        const DIMENSION: usize = 41;
        let mut state = 7u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        };
        // Neighbours are nearly equal, so that many scores lie within the rounding of each other.
        let mut values: Vec<f32> = (0..DIMENSION).map(|_| next()).collect();
        for row in 1..900 {
            let near: Vec<f32> = values[(row - 1) * DIMENSION..].iter().map(|x| x + 0.02 * next()).collect();
            values.extend(near);
        }
        let picked: Vec<u32> = (0..900).collect();
        let queries = SelectedRows { values: &values, dimension: DIMENSION, picked: &picked[..150] };
        let documents = SelectedRows { values: &values, dimension: DIMENSION, picked: &picked };
        for similarity in [Similarity::Cosine, Similarity::Dot] {
            let mut all = Vec::new();
            for tiles in [None].into_iter().chain(TileLevel::available().into_iter().map(Some)) {
                let rows = Rows { queries, documents, similarity, tiles };
                all.push(best_of(&rows, &picked, Ties::Ascending, 20));
            }
            for (query, plain) in all[0].iter().enumerate() {
                let of = |hit: &Hit| similarity.of(queries.row(query), documents.row(hit.document as usize));
                for hits in all[1..].iter().map(|of_queries| &of_queries[query]) {
                    assert_eq!(hits.len(), plain.len());
                    for (hit, plain) in hits.iter().zip(plain) {
                        // The order of those that float32 does not tell apart may differ.
                        assert!((of(hit) - of(plain)).abs() < 1e-5, "{query}: {hit:?}, not {plain:?}");
                        assert!((f64::from(hit.score) - of(hit)).abs() < 1e-5, "{query}: {hit:?}");
                    }
                }
            }
        }
    }
}
