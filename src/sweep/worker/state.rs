//! The state of a worker, its options and its events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::progress::Cancel;
use crate::sweep::study::{Carrier, Lease, Owner, Results, Schedule, Study, Trial, TrialStage, Watch};
use crate::sweep::trial::Evaluator;

/// How a worker works.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The time after which it begins no trial.
    pub wall: Option<Duration>,
    /// The number of trials after which it begins no other.
    pub max_trials: Option<usize>,
    /// The times of claims.
    pub lease: Lease,
    /// The time between looks at other workers' results.
    pub poll: Duration,
    /// Ends the work early.
    pub cancel: &'a Cancel,
    /// Ends the work after the current trial.
    pub finish: &'a Cancel,
    /// Whether trials of the search are begun, and not only those to confirm.
    pub search: bool,
}

/// Where a trial's scores are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoresFrom {
    /// It was scored.
    Scoring,
    /// Another trial has the same weights.
    Twin,
    /// It was scored before the sweep file changed.
    Earlier,
}

/// An event of a worker.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A generation begins.
    Generation {
        /// Its stage.
        stage: TrialStage,
        /// How many trials it has.
        trials: usize,
        /// Notes on why these trials were chosen.
        notes: &'a [String],
    },
    /// A trial begins.
    Begun {
        /// The trial.
        trial: &'a Trial,
        /// Its stage.
        stage: TrialStage,
        /// Number of settled trials.
        settled: usize,
        /// Number of trials that are planned so far.
        planned: usize,
        /// Seconds until those are done by all workers, once one that works has finished a trial.
        left: Option<f64>,
    },
    /// Texts were encoded.
    Progress {
        /// The number of encoded texts of the trial.
        done: usize,
        /// The number of texts of the trial.
        all: usize,
    },
    /// A trial has its scores.
    Scored {
        /// The trial.
        trial: &'a Trial,
        /// Its stage.
        stage: TrialStage,
        /// Its objectives.
        objectives: Option<Vec<f64>>,
        /// Seconds it took.
        seconds: f64,
        /// Where the scores are from.
        from: ScoresFrom,
    },
    /// An attempt failed.
    Failed {
        /// The trial.
        trial: &'a Trial,
        /// The index of the attempt, from 0.
        attempt: usize,
        /// The error.
        error: &'a str,
    },
    /// Another worker has recorded different scores for the trial.
    Differs {
        /// The trial.
        trial: &'a Trial,
        /// The largest difference.
        by: f64,
    },
    /// Other workers have what is left.
    Waiting,
}

/// Why a worker stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to do.
    Finished,
    /// The time is up.
    Wall,
    /// It has run its maximum number of trials.
    MaxTrials,
    /// It was asked to stop.
    Asked,
}

/// A running worker.
pub(super) struct Worker<'a> {
    pub(super) study: &'a Study,
    pub(super) evaluator: &'a mut dyn Evaluator,
    pub(super) options: Options<'a>,
    pub(super) on: &'a mut dyn FnMut(&Event<'_>),
    pub(super) owner: Owner,
    pub(super) schedule: Schedule,
    pub(super) results: Results,
    pub(super) begun: Instant,
    pub(super) trials: usize,
    pub(super) announced: usize,
    /// The lists of queries that are known to exist.
    pub(super) listed: BTreeSet<String>,
    /// What earlier revisions of the study know of its trials; read when a trial is begun.
    pub(super) carrier: Option<Carrier<'a>>,
    /// The ids of the queries of every data set, by the name of their part.
    pub(super) wanted: BTreeMap<&'static str, Vec<Vec<String>>>,
    pub(super) watch: Watch,
    /// When it last cleaned up what killed workers have left.
    pub(super) tidied: Option<Instant>,
}
