//! Scores a retriever on data sets: encodes texts, searches, and computes metrics.

use std::ops::ControlFlow;
use std::time::Instant;

use super::dense_search::{SelectedRows, search};
use super::hybrid_score::score_hybrid;
use super::late_score::score_late;
use super::parts::tokens;
use super::search::best_of;
use super::sparse_search::{SelectedSparse, SparseRows};
use super::task::{EncodingProgress, ScoreError, SetScores, Task, id_ranks, rankings};
use super::texts::Chunk;
use super::{DataSet, Run, evaluate};
use crate::encoder::{Error, Retriever, Vectors};

/// Scores the retriever on every data set of the task, in their order. Each text is encoded once for each prompt, however
/// many data sets have it.
///
/// # Errors
/// Whatever keeps a text from being encoded, and [`Error::Cancelled`] when `progress` breaks.
pub fn score(
    retriever: &Retriever,
    task: &Task<'_>,
    progress: &mut dyn FnMut(EncodingProgress) -> ControlFlow<()>,
) -> Result<Vec<SetScores>, ScoreError> {
    if let Retriever::Late(encoder) = retriever {
        return score_late(retriever, encoder, task, progress);
    }
    if let Retriever::Hybrid(encoder) = retriever {
        let by = vec![vec![encoder.retrieval()]; task.sets.len()];
        return Ok(score_hybrid(retriever, encoder, task, &by, progress)?.into_iter().flatten().collect());
    }
    let mut vectors = retriever.none_of(task.texts.len());
    let chunks = task.texts.chunks();
    let mut all = Vec::new();
    for (number, (set, [queries, documents])) in task.sets.iter().zip(task.texts.sets()).enumerate() {
        let begun = Instant::now();
        let mut tokens = 0;
        for (at, chunk) in chunks.iter().enumerate().filter(|(_, chunk)| chunk.set == number) {
            let encoded = encode(retriever, task, at, chunk, &mut vectors, progress);
            tokens += encoded.map_err(|source| ScoreError { set: set.label(), source: Box::new(source) })?;
        }
        let encoding = begun.elapsed();
        let run = ranking(task, set, &vectors, [&queries.rows, &documents.rows]);
        let scores = evaluate(&set.qrels, &run, task.metrics, &task.rules);
        all.push(SetScores { scores, run, time: begun.elapsed(), encoding, tokens });
    }
    Ok(all)
}

/// Encodes the texts of a chunk and returns the number of their tokens.
fn encode(
    retriever: &Retriever,
    task: &Task<'_>,
    at: usize,
    chunk: &Chunk,
    vectors: &mut Vectors,
    progress: &mut dyn FnMut(EncodingProgress) -> ControlFlow<()>,
) -> Result<usize, Error> {
    let tokens = tokens(retriever, task, at, chunk)?;
    let (bytes, total) = (task.texts.bytes_of(chunk), tokens.total().max(1) as u64);
    let mut report = |texts, tokens: usize| progress(EncodingProgress { texts, bytes: bytes * tokens as u64 / total });
    vectors.append(retriever.encode(&tokens, &mut report)?);
    Ok(tokens.total())
}

/// The rankings of a data set whose queries and documents are these rows of `vectors`.
fn ranking(task: &Task<'_>, set: &DataSet, vectors: &Vectors, [queries, documents]: [&[u32]; 2]) -> Run {
    let (ranks, depth, ties) = (id_ranks(set), task.searched_depth(), task.rules.order.ties);
    let found = match vectors {
        Vectors::Dense(all) => {
            let rows = |picked| SelectedRows { values: &all.values, dimension: all.dimension, picked };
            search(rows(queries), rows(documents), task.similarity, &ranks, ties, depth)
        }
        Vectors::Sparse(all) => {
            let rows = |picked| SelectedSparse { vectors: all, picked };
            let (queries, documents) = (rows(queries), rows(documents));
            best_of(&SparseRows { queries, documents, similarity: task.similarity }, &ranks, ties, depth)
        }
        // These are searched part by part and not kept.
        Vectors::Late(_) | Vectors::Hybrid(_) => Vec::new(),
    };
    rankings(set, found)
}
