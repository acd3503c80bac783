//! Scores a retriever on data sets: encodes texts, searches, and computes metrics.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use super::best::Hit;
use super::search::{SelectedRows, Similarity, search};
use super::texts::{Chunk, Texts, TokenisedTexts};
use super::{DataSet, Metric, Rules, Run, Scores, Text, evaluate};
use crate::diagnose::{Diagnose, ExitClass};
use crate::encoder::{Error, Retriever, Vectors};

/// Number of documents that are kept of a ranking for a metric without a cut, as in MTEB.
pub(crate) const RANKING_DEPTH: usize = 1000;

/// The number of documents of a ranking that the metrics need.
pub(crate) fn ranking_depth(metrics: &[Metric]) -> usize {
    metrics.iter().map(|metric| metric.cut.map_or(RANKING_DEPTH, usize::from)).max().unwrap_or(RANKING_DEPTH)
}

/// The data sets to score on, and the rules.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The data sets.
    pub sets: &'a [DataSet],
    /// Their texts.
    pub texts: &'a Texts<'a>,
    /// The tokens of the texts, if they are known. Otherwise texts are tokenised along the way, which takes less memory.
    pub tokens: Option<&'a TokenisedTexts>,
    /// The metrics.
    pub metrics: &'a [Metric],
    /// The rules in which tools differ.
    pub rules: Rules,
    /// How embeddings are compared.
    pub similarity: Similarity,
    /// Number of documents to keep of each query's ranking; at least the largest cut of the metrics.
    pub depth: usize,
}

/// A retriever's scores on one data set.
#[derive(Clone, Debug)]
pub struct SetScores {
    /// Query by query.
    pub scores: Scores,
    /// The rankings.
    pub run: Run,
    /// Time for its texts and its search. Texts that several data sets share count where they are first.
    pub time: Duration,
    /// The part of it that encoding took.
    pub encoding: Duration,
    /// Tokens of the texts that were encoded for it.
    pub tokens: usize,
}

/// The progress since the last call.
#[derive(Clone, Copy, Debug)]
pub struct EncodingProgress {
    /// Texts that were encoded.
    pub texts: usize,
    /// Their approximate share of [`Texts::bytes`].
    pub bytes: u64,
}

/// A data set that could not be scored.
#[derive(Debug, thiserror::Error)]
#[error("cannot score `{set}`: {source}")]
pub struct ScoreError {
    /// Its name and direction.
    pub set: String,
    /// The reason.
    pub source: Box<Error>,
}

impl Diagnose for ScoreError {
    fn hint(&self) -> Option<String> {
        self.source.hint()
    }

    fn exit_class(&self) -> ExitClass {
        self.source.exit_class()
    }
}

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
    let tokens = match task.tokens.and_then(|known| known.0.get(at)) {
        Some(known) => Cow::Borrowed(known),
        None => Cow::Owned(task.texts.tokens(chunk, retriever)?),
    };
    let (bytes, total) = (task.texts.bytes_of(chunk), tokens.total().max(1) as u64);
    let mut report = |texts, tokens: usize| progress(EncodingProgress { texts, bytes: bytes * tokens as u64 / total });
    vectors.append(retriever.encode(&tokens, &mut report)?);
    Ok(tokens.total())
}

/// The rankings of a data set whose queries and documents are these rows of `vectors`.
fn ranking(task: &Task<'_>, set: &DataSet, vectors: &Vectors, [queries, documents]: [&[u32]; 2]) -> Run {
    let mut order: Vec<u32> = (0..set.documents.len() as u32).collect();
    order.sort_by(|a, b| set.documents[*a as usize].id.cmp(&set.documents[*b as usize].id));
    let mut ranks = vec![0; order.len()];
    for (rank, document) in (0..).zip(order) {
        ranks[document as usize] = rank;
    }
    // One more, in case the query's own document is removed.
    let depth = task.depth + usize::from(task.rules.ignore_identical_ids);
    let ties = task.rules.order.ties;
    let found = match vectors {
        Vectors::Dense(all) => {
            let rows = |picked| SelectedRows { values: &all.values, dimension: all.dimension, picked };
            search(rows(queries), rows(documents), task.similarity, &ranks, ties, depth)
        }
    };
    let hit = |hit: &Hit| (set.documents[hit.document as usize].id.clone(), f64::from(hit.score));
    let of_query = |(query, hits): (&Text, Vec<Hit>)| (query.id.clone(), hits.iter().map(hit).collect());
    Run { scores: set.queries.iter().zip(found).map(of_query).collect() }
}
