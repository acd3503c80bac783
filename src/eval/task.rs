//! What a retriever is scored on, and what comes of it.

use std::time::Duration;

use super::best::Hit;
use super::search::Similarity;
use super::texts::{Texts, TokenisedTexts};
use super::{DataSet, Metric, Rules, Run, Scores, Text};
use crate::diagnose::{Diagnose, ExitClass};
use crate::encoder::Error;

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

/// The position of each document of a data set in the order of ids.
pub(super) fn id_ranks(set: &DataSet) -> Vec<u32> {
    let mut order: Vec<u32> = (0..set.documents.len() as u32).collect();
    order.sort_by(|a, b| set.documents[*a as usize].id.cmp(&set.documents[*b as usize].id));
    let mut ranks = vec![0; order.len()];
    for (rank, document) in (0..).zip(order) {
        ranks[document as usize] = rank;
    }
    ranks
}

/// The rankings of a data set: what was found for each query.
pub(super) fn rankings(set: &DataSet, found: Vec<Vec<Hit>>) -> Run {
    let hit = |hit: &Hit| (set.documents[hit.document as usize].id.clone(), f64::from(hit.score));
    let of_query = |(query, hits): (&Text, Vec<Hit>)| (query.id.clone(), hits.iter().map(hit).collect());
    Run { scores: set.queries.iter().zip(found).map(of_query).collect() }
}

impl Task<'_> {
    /// The number of documents that are looked for: one more, in case the query's own document is removed.
    pub(super) fn searched_depth(&self) -> usize {
        self.depth + usize::from(self.rules.ignore_identical_ids)
    }
}
