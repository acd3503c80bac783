//! Scores a model with several heads on data sets: by each kind of retrieval, and by weighted sums of their scores.
//!
//! A sum is over all documents: no kind preselects what another ranks. Documents are searched part by part and not kept, as
//! their token vectors are many.

use std::ops::Range;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::best::{Best, Hit};
use super::dense_search::{QueryBlock, Rows, SelectedRows};
use super::max_sim::{MaxSim, SelectedTexts};
use super::parts::{DocumentsByText, Effort, PartwiseEncoding, Report};
use super::search::{Comparison, Similarity, even};
use super::sparse_search::{SelectedSparse, SparseRows};
use super::task::{ScoreError, SetScores, Task, id_ranks, rankings};
use super::texts::Side;
use super::{DataSet, evaluate};
use crate::encoder::{HybridEncoder, HybridVectors, Retrieval, RetrievalKind, Retriever, Vectors};

/// Number of scores of one kind that are held at a time.
const SCORES: usize = 1 << 22;
/// Number of queries in a block, and of documents that a thread takes at a time.
const QUERY_BLOCK: usize = 128;
const DOCUMENT_BLOCK: usize = 256;

/// Scores `encoder`, which `retriever` has, on every data set of the task: by each retrieval of the data set's list in `by`.
/// Queries and documents have texts of their own ([`Prompts::apart`](super::Prompts)).
pub fn score_hybrid(
    retriever: &Retriever,
    encoder: &HybridEncoder,
    task: &Task<'_>,
    by: &[Vec<Retrieval>],
    progress: Report<'_>,
) -> Result<Vec<Vec<SetScores>>, ScoreError> {
    let encoding = PartwiseEncoding { retriever, task, width: encoder.late_dimension() };
    let queries = encoding.queries(progress)?;
    // One model encodes to vectors of one kind.
    let Vectors::Hybrid(own) = &queries.vectors else { return Ok(Vec::new()) };
    let sets = task.sets.iter().zip(task.texts.sets()).zip(by);
    let mut searches: Vec<Search> =
        sets.map(|((set, sides), by)| Search::new(task, set, sides, (own, &queries.places), by)).collect();
    let documents = encoding.documents(progress, &mut |vectors, range| {
        let Vectors::Hybrid(vectors) = vectors else { return };
        for (search, by) in searches.iter_mut().zip(by) {
            search.take_in(task, own, vectors, range, by);
        }
    })?;
    let efforts = queries.effort.iter().zip(documents).map(|(queries, documents)| *queries + documents);
    let sets = searches.into_iter().zip(task.sets).zip(efforts);
    Ok(sets.map(|((search, set), effort)| search.finish(task, set, effort)).collect())
}

/// The search of one data set.
struct Search {
    /// The places of its queries among the encoded ones.
    picked: Vec<u32>,
    /// Its queries, laid out for each kind of retrieval.
    dense: Option<Vec<(Range<usize>, QueryBlock)>>,
    sparse: Option<Vec<(Range<usize>, <SparseRows<'static> as Comparison>::Queries)>>,
    late: Option<MaxSim>,
    /// The best documents of each query, by each retrieval.
    best: Vec<Vec<(Best, f32)>>,
    ranks: Vec<u32>,
    documents: DocumentsByText,
    time: Duration,
}

impl Search {
    fn new(
        task: &Task<'_>,
        set: &DataSet,
        [queries, documents]: &[Side; 2],
        (vectors, places): (&HybridVectors, &[u32]),
        by: &[Retrieval],
    ) -> Self {
        let begun = Instant::now();
        let place = |text: &u32| places.get(*text as usize).copied();
        let picked: Vec<u32> = queries.rows.iter().filter_map(place).collect();
        let HybridVectors { dense, sparse, late } = vectors;
        let rows = dense.as_ref().map(|all| {
            let queries = SelectedRows { values: &all.values, dimension: all.dimension, picked: &picked };
            laid_out(&Rows {
                queries,
                documents: SelectedRows { picked: &[], ..queries },
                similarity: task.similarity,
                tiles: None,
            })
        });
        let tokens = sparse.as_ref().map(|vectors| {
            let queries = SelectedSparse { vectors, picked: &picked };
            let documents = SelectedSparse { picked: &[], ..queries };
            laid_out(&SparseRows { queries, documents, similarity: Similarity::Dot })
        });
        // As in FlagEmbedding, a score is the mean over the query's vectors.
        let late = late.as_ref().map(|vectors| MaxSim::new(SelectedTexts { vectors, picked: &picked }, 0, true));
        let best = || picked.iter().map(|_| (Best::new(task.searched_depth()), f32::NEG_INFINITY)).collect();
        Self {
            best: by.iter().map(|_| best()).collect(),
            ranks: id_ranks(set),
            dense: rows,
            sparse: tokens,
            late,
            picked,
            documents: DocumentsByText::new(documents),
            time: begun.elapsed(),
        }
    }

    /// Searches the documents of the data set that are among the texts `range`.
    fn take_in(
        &mut self,
        task: &Task<'_>,
        queries: &HybridVectors,
        vectors: &HybridVectors,
        range: &Range<usize>,
        by: &[Retrieval],
    ) {
        let begun = Instant::now();
        let (texts, numbers) = self.documents.within(range);
        let width = self.picked.len();
        if width == 0 {
            return;
        }
        let mut sums = Vec::new();
        for start in (0..texts.len()).step_by((SCORES / width).max(1)) {
            let block = start..(start + (SCORES / width).max(1)).min(texts.len());
            let scores = self.scores(task, queries, vectors, &texts[block.clone()]);
            for (retrieval, best) in by.iter().zip(&mut self.best) {
                sum(*retrieval, &scores, &mut sums);
                let ties = task.rules.order.ties;
                best.par_iter_mut().enumerate().for_each(|(query, (best, floor))| {
                    for (&score, &document) in sums.iter().skip(query).step_by(width).zip(&numbers[block.clone()]) {
                        if score >= *floor {
                            let rank = self.ranks.get(document as usize).copied().unwrap_or(u32::MAX);
                            *floor = best.offer(Hit { document, score }, rank, ties, *floor);
                        }
                    }
                });
            }
        }
        self.time += begun.elapsed();
    }

    /// The scores of some documents by each kind, in the order of [`RetrievalKind::ALL`]: a row for each document, a column for
    /// each query.
    fn scores(
        &self,
        task: &Task<'_>,
        queries: &HybridVectors,
        vectors: &HybridVectors,
        texts: &[u32],
    ) -> [Option<Vec<f32>>; 3] {
        let count = texts.len() * self.picked.len();
        let dense = self.dense.as_ref().zip(vectors.dense.as_ref()).zip(queries.dense.as_ref());
        let dense = dense.map(|((blocks, all), own)| {
            let queries = SelectedRows { values: &own.values, dimension: own.dimension, picked: &self.picked };
            let documents = SelectedRows { values: &all.values, dimension: all.dimension, picked: texts };
            compared(&Rows { queries, documents, similarity: task.similarity, tiles: None }, blocks)
        });
        let sparse = self.sparse.as_ref().zip(vectors.sparse.as_ref()).zip(queries.sparse.as_ref());
        let sparse = sparse.map(|((blocks, all), own)| {
            let queries = SelectedSparse { vectors: own, picked: &self.picked };
            let documents = SelectedSparse { vectors: all, picked: texts };
            compared(&SparseRows { queries, documents, similarity: Similarity::Dot }, blocks)
        });
        let late = self.late.as_ref().zip(vectors.late.as_ref()).map(|(queries, vectors)| {
            let mut scores = vec![0.0; count];
            queries.scores(SelectedTexts { vectors, picked: texts }, 0..texts.len(), &mut scores);
            scores
        });
        [dense, sparse, late]
    }

    fn finish(self, task: &Task<'_>, set: &DataSet, encoded: Effort) -> Vec<SetScores> {
        let Effort { time: encoding, tokens } = encoded;
        let time = self.time + encoding;
        let of_ranking = |best: Vec<(Best, f32)>| {
            let run = rankings(set, best.into_iter().map(|(best, _)| best.finish()).collect());
            let scores = evaluate(&set.qrels, &run, task.metrics, &task.rules);
            SetScores { scores, run, time, encoding, tokens }
        };
        self.best.into_iter().map(of_ranking).collect()
    }
}

/// Lays all queries of a comparison out, block by block.
fn laid_out<C: Comparison>(comparison: &C) -> Vec<(Range<usize>, C::Queries)> {
    let total = comparison.queries();
    let size = even(total, QUERY_BLOCK);
    let blocks = (0..total).step_by(size).map(|start| start..(start + size).min(total));
    blocks.map(|range| (range.clone(), comparison.take_queries(range))).collect()
}

/// Compares all documents with all queries, on all threads: a row for each document.
fn compared<C: Comparison>(comparison: &C, blocks: &[(Range<usize>, C::Queries)]) -> Vec<f32> {
    let (total, width) = (comparison.documents(), comparison.queries());
    let size = even(total, DOCUMENT_BLOCK);
    let mut all = vec![0.0; total * width];
    all.par_chunks_mut((size * width).max(1)).enumerate().for_each(|(at, rows)| {
        let range = at * size..((at + 1) * size).min(total);
        let (mut documents, mut scores) = (C::Documents::default(), Vec::new());
        comparison.take_documents(range.clone(), &mut documents);
        for (columns, queries) in blocks {
            scores.resize(range.len() * columns.len(), 0.0);
            comparison.compare(queries, &documents, &mut scores);
            for (row, scores) in rows.chunks_exact_mut(width).zip(scores.chunks_exact(columns.len())) {
                row[columns.clone()].copy_from_slice(scores);
            }
        }
    });
    all
}

/// The weighted mean of scores.
fn sum(retrieval: Retrieval, scores: &[Option<Vec<f32>>; 3], sums: &mut Vec<f32>) {
    let whole: f32 = retrieval.kinds().map(|(_, weight)| weight).sum();
    sums.clear();
    for (kind, scores) in RetrievalKind::ALL.into_iter().zip(scores) {
        let (Some(weight), Some(scores)) = (retrieval.weight(kind), scores) else { continue };
        let weight = weight / whole;
        if sums.is_empty() {
            sums.extend(scores.iter().map(|score| score * weight));
        } else {
            sums.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score * weight);
        }
    }
}
