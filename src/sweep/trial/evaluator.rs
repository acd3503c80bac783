//! The interface that scores trials. The sweep knows nothing else about models.

use std::ops::ControlFlow;

use crate::progress::Cancel;
use crate::sweep::Error;
use crate::sweep::study::{TopDocuments, Trial};

/// Merges trials and scores them.
pub trait Evaluator {
    /// Merges a trial and loads it for scoring.
    ///
    /// # Errors
    /// A trial that cannot be merged or loaded.
    fn prepare(&mut self, trial: &Trial) -> Result<Prepared, EvaluationError>;

    /// Scores what was made ready last on the data sets that are asked for, in their order.
    ///
    /// # Errors
    /// A retriever that cannot be scored.
    fn score(&mut self, request: &mut Request<'_>) -> Result<Vec<QueryScores>, EvaluationError>;

    /// The ids of the queries that [`Evaluator::score`] gives values for, data set by data set. With them scores of a study whose
    /// sweep file has changed are taken over; without, its trials are scored again.
    ///
    /// # Errors
    /// Data sets that cannot be read.
    fn queries(&mut self, _: Queries) -> Result<Vec<Vec<String>>, EvaluationError> {
        Ok(Vec::new())
    }

    /// The device that it computes on.
    fn device(&self) -> String;
}

/// A retriever that is ready to be scored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prepared {
    /// A hash of its weights. Equal hashes mean equal scores.
    pub weights: String,
    /// Seconds it took.
    pub seconds: f64,
}

/// The queries that are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Those that the search sees.
    Select,
    /// Those that are held out.
    Report,
}

impl Queries {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Report => "report",
        }
    }
}

/// A request for scores.
pub struct Request<'a> {
    /// The queries.
    pub queries: Queries,
    /// The data sets, by their places in the study, in order.
    pub sets: &'a [usize],
    /// A sample of the queries, for this step of a race; all without.
    pub race: Option<usize>,
    /// For the sample: the documents that each parent ranks first, data set by data set.
    pub tops: &'a [Vec<TopDocuments>],
    /// How many of the documents that each query ranks first are wanted back.
    pub depth: usize,
    /// Ends the work early.
    pub cancel: &'a Cancel,
    /// Called with the numbers of encoded texts and of all texts.
    pub progress: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
}

/// The scores of a data set in one direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryScores {
    /// The queries' ids.
    pub queries: Vec<String>,
    /// The study's metrics, each query by query; `None` where a query is left out of the mean.
    pub metrics: Vec<Vec<Option<f64>>>,
    /// Documents that were searched.
    pub documents: usize,
    /// Tokens of its texts.
    pub tokens: usize,
    /// The documents that queries rank first, as many as asked for.
    pub tops: TopDocuments,
    /// Seconds for tokenising; texts that several data sets share count where they are first.
    pub tokenise: f64,
    /// Seconds for encoding.
    pub encode: f64,
    /// Seconds for searching.
    pub search: f64,
    /// Seconds for metrics.
    pub score: f64,
}

/// Why a trial has no scores.
#[derive(Debug)]
pub enum EvaluationError {
    /// The caller ended it.
    Cancelled,
    /// Only this trial fails.
    Trial(String),
    /// Every trial would fail.
    Fatal(Error),
}

impl From<Error> for EvaluationError {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled => Self::Cancelled,
            error => Self::Fatal(error),
        }
    }
}
