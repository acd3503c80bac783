//! The records of a trial.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sweep::study::trial::Subject;

/// The result of a trial at a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// The trial.
    pub trial: String,
    /// The stage.
    pub stage: String,
    /// What people call the trial.
    pub label: String,
    /// What it is.
    pub subject: Subject,
    /// The hash of the merged weights: trials of equal weights have equal scores.
    pub weights: String,
    /// The means over queries, one entry for each data set and direction.
    pub sets: Vec<SetMeans>,
    /// The hash of the file with its queries' values, from which the means are computed.
    pub values: String,
    /// The hash of the documents that it ranks first, where a race's samples are made of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tops: Option<String>,
    /// The device.
    pub device: String,
    /// The program's version.
    pub admix: String,
    /// The worker.
    pub worker: String,
    /// When it began, in seconds since 1970.
    pub began: f64,
    /// Tokens that were encoded for it: none where its scores are those of another trial with the same weights.
    #[serde(default)]
    pub encoded: u64,
    /// Where the time went.
    pub timings: Timings,
}

/// The means over the queries of a data set in one direction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetMeans {
    /// The data set and direction.
    pub set: String,
    /// Queries that count.
    pub queries: usize,
    /// Documents that were searched.
    pub documents: usize,
    /// Tokens of its texts.
    pub tokens: usize,
    /// Each metric's mean; `None` where no query counts.
    pub means: BTreeMap<String, Option<f64>>,
}

/// The time of each step of a trial, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Merging, and loading the weights into the encoder.
    pub merge: f64,
    /// Tokenising, once for each worker.
    pub tokenise: f64,
    /// Encoding.
    pub encode: f64,
    /// Searching.
    pub search: f64,
    /// Metrics.
    pub score: f64,
    /// Everything from claim to record.
    pub total: f64,
}

impl Timings {
    /// The sum of two trials' times.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            merge: self.merge + other.merge,
            tokenise: self.tokenise + other.tokenise,
            encode: self.encode + other.encode,
            search: self.search + other.search,
            score: self.score + other.score,
            total: self.total + other.total,
        }
    }
}

/// The trial that was scored first of those with the same weights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SameWeights {
    /// The trial.
    pub trial: String,
}

/// An attempt at a trial that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The trial.
    pub trial: String,
    /// The stage.
    pub stage: String,
    /// What people call the trial.
    pub label: String,
    /// Which attempt, from 0.
    pub attempt: usize,
    /// The error.
    pub error: String,
    /// The worker.
    pub worker: String,
}
