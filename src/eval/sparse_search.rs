//! Compares sparse vectors: an index of a block of queries, through which documents pass one after another.

use std::ops::Range;

use super::Similarity;
use super::search::Comparison;
use crate::encoder::SparseEmbeddings;

/// Some of the rows of sparse vectors.
#[derive(Clone, Copy)]
pub(super) struct SelectedSparse<'a> {
    pub(super) vectors: &'a SparseEmbeddings,
    /// The indices of the rows, in order.
    pub(super) picked: &'a [u32],
}

/// Sparse vectors that are compared by a similarity.
pub(super) struct SparseRows<'a> {
    pub(super) queries: SelectedSparse<'a>,
    pub(super) documents: SelectedSparse<'a>,
    pub(super) similarity: Similarity,
}

/// A block of queries by their tokens.
pub(super) struct QueryIndex {
    /// Where the entries of each token begin, and where those of the last one end.
    starts: Vec<u32>,
    /// The query in the block, and its weight.
    entries: Vec<(u32, f32)>,
    /// What the similarity needs of a query besides: the sum of its squares, or of its magnitudes.
    sums: Vec<f32>,
}

/// The smallest length that is divided by, as in torch.
const SMALLEST_LENGTH: f32 = 1e-12;

impl SparseRows<'_> {
    /// The sum of a vector's squares, or of its magnitudes.
    fn sum(&self, weights: &[f32]) -> f32 {
        match self.similarity {
            Similarity::Manhattan => weights.iter().map(|weight| weight.abs()).sum(),
            Similarity::Cosine | Similarity::Dot | Similarity::Euclidean => {
                weights.iter().map(|weight| weight * weight).sum()
            }
        }
    }

    /// The score of a pair whose shared tokens add up to `shared`.
    fn score(&self, shared: f32, query: f32, document: f32) -> f32 {
        match self.similarity {
            Similarity::Dot => shared,
            Similarity::Cosine => shared / query.sqrt().max(SMALLEST_LENGTH) / document.sqrt().max(SMALLEST_LENGTH),
            Similarity::Euclidean => -(query + document - 2.0 * shared).max(0.0).sqrt(),
            Similarity::Manhattan => -(query + document + shared),
        }
    }
}

impl Comparison for SparseRows<'_> {
    type Queries = QueryIndex;
    type Documents = Range<usize>;

    fn queries(&self) -> usize {
        self.queries.picked.len()
    }

    fn documents(&self) -> usize {
        self.documents.picked.len()
    }

    fn take_queries(&self, range: Range<usize>) -> QueryIndex {
        let (vectors, rows) = (self.queries.vectors, &self.queries.picked[range]);
        let mut starts = vec![0; vectors.vocabulary + 1];
        for &row in rows {
            for &token in vectors.get(row as usize).0 {
                starts[token as usize + 1] += 1;
            }
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0.0); starts.last().copied().unwrap_or(0) as usize];
        let mut sums = Vec::with_capacity(rows.len());
        for (query, &row) in (0..).zip(rows) {
            let (tokens, weights) = vectors.get(row as usize);
            for (&token, &weight) in tokens.iter().zip(weights) {
                entries[next[token as usize] as usize] = (query, weight);
                next[token as usize] += 1;
            }
            sums.push(self.sum(weights));
        }
        QueryIndex { starts, entries, sums }
    }

    fn take_documents(&self, range: Range<usize>, block: &mut Range<usize>) {
        *block = range;
    }

    fn compare(&self, queries: &QueryIndex, documents: &Range<usize>, scores: &mut [f32]) {
        scores.fill(0.0);
        let manhattan = self.similarity == Similarity::Manhattan;
        for (scores, &row) in
            scores.chunks_exact_mut(queries.sums.len().max(1)).zip(&self.documents.picked[documents.clone()])
        {
            let (tokens, weights) = self.documents.vectors.get(row as usize);
            for (&token, &weight) in tokens.iter().zip(weights) {
                let (start, end) =
                    (queries.starts[token as usize] as usize, queries.starts[token as usize + 1] as usize);
                for &(query, other) in &queries.entries[start..end] {
                    // Of what both have, Manhattan distances count the difference in place of both.
                    let shared =
                        if manhattan { (weight - other).abs() - weight.abs() - other.abs() } else { weight * other };
                    scores[query as usize] += shared;
                }
            }
            if self.similarity != Similarity::Dot {
                let document = self.sum(weights);
                for (score, query) in scores.iter_mut().zip(&queries.sums) {
                    *score = self.score(*score, *query, document);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::dense_search::{SelectedRows, search};
    use super::super::search::best_of;
    use super::*;
    use crate::eval::Ties;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        // Small integers make exact scores and many ties, and the search of dense vectors knows the right order.
        #[test]
        fn sparse_search_finds_what_dense_search_of_the_same_vectors_finds(
            matrix in proptest::collection::vec(proptest::array::uniform5(-2i8..3), 1..300), k in 1usize..70, ascending: bool,
        ) {
            let values: Vec<f32> = matrix.iter().flatten().map(|x| f32::from(*x)).collect();
            let mut all = SparseEmbeddings::new(5);
            for row in values.chunks_exact(5) {
                let entries: Vec<(u32, f32)> = (0..).zip(row.iter().copied()).filter(|(_, x)| *x != 0.0).collect();
                all.push(&entries);
            }
            let rows: Vec<u32> = (0..matrix.len() as u32).rev().collect();
            let (queries, documents) = (&rows[..matrix.len() / 2], rows.as_slice());
            let ranks: Vec<u32> = (0..matrix.len() as u32).map(|i| i.wrapping_mul(2_654_435_761) % 997 * 1000 + i).collect();
            let ties = if ascending { Ties::Ascending } else { Ties::Descending };
            let rows_of = |picked| SelectedSparse { vectors: &all, picked };
            for similarity in [Similarity::Dot, Similarity::Euclidean, Similarity::Manhattan] {
                let dense = |picked| SelectedRows { values: &values, dimension: 5, picked };
                let sparse = |queries, documents| SparseRows {
                    queries: rows_of(queries),
                    documents: rows_of(documents),
                    similarity,
                };
                let expected = search(dense(queries), dense(documents), similarity, &ranks, ties, k);
                let found = best_of(&sparse(queries, documents), &ranks, ties, k);
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn cosines_do_not_depend_on_lengths() {
        let mut all = SparseEmbeddings::new(3);
        for row in [&[(0, 3.0), (2, 4.0)][..], &[(0, 0.3), (2, 0.4)], &[(1, 9.0)], &[]] {
            all.push(row);
        }
        let queries = SelectedSparse { vectors: &all, picked: &[0] };
        let documents = SelectedSparse { vectors: &all, picked: &[1, 2, 3] };
        let rows = SparseRows { queries, documents, similarity: Similarity::Cosine };
        let found = best_of(&rows, &[0, 1, 2], Ties::Descending, 3);
        let found: Vec<(u32, f32)> = found.into_iter().flatten().map(|hit| (hit.document, hit.score)).collect();
        assert!((found.first().map_or(0.0, |hit| hit.1) - 1.0).abs() < 1e-6, "{found:?}");
        assert_eq!(found.get(1..), Some(&[(2, 0.0), (1, 0.0)][..]));
    }
}
