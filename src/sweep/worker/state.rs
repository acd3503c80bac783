//! A worker: how it works, what it knows, and what it tells.

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
    /// The trials after which it begins no other.
    pub max_trials: Option<usize>,
    /// How long claims last.
    pub lease: Lease,
    /// The time between looks at what others do.
    pub poll: Duration,
    /// Set from elsewhere to end early.
    pub cancel: &'a Cancel,
    /// Set from elsewhere to end after the trial that is being done.
    pub finish: &'a Cancel,
    /// Whether trials of the search are begun, not only those to confirm.
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

/// Something that happens to a worker.
#[derive(Clone, Debug)]
pub enum Event<'a> {
    /// A generation is begun.
    Generation {
        /// What it is scored on.
        stage: TrialStage,
        /// How many trials it has.
        trials: usize,
        /// Why these.
        notes: &'a [String],
    },
    /// A trial is begun.
    Begun {
        /// The trial.
        trial: &'a Trial,
        /// Its stage.
        stage: TrialStage,
        /// Trials that are settled.
        settled: usize,
        /// Trials that are planned so far.
        planned: usize,
        /// Seconds until those are done by all workers, once one that works has finished a trial.
        left: Option<f64>,
    },
    /// Texts were encoded.
    Progress {
        /// How many of the trial's.
        done: usize,
        /// How many there are.
        all: usize,
    },
    /// A trial has its scores.
    EncodingProgress {
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
        /// Which attempt, from 0.
        attempt: usize,
        /// Why.
        error: &'a str,
    },
    /// Another worker had recorded other scores for the trial.
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
    /// It has done as many trials as it was to do.
    MaxTrials,
    /// It was asked to stop.
    Asked,
}

/// A worker at work.
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
    /// The lists of queries that are known to be written.
    pub(super) listed: BTreeSet<String>,
    /// What earlier revisions of the study know of its trials; read when a trial is begun.
    pub(super) carrier: Option<Carrier<'a>>,
    /// The ids of the queries of every data set, by the name of their part.
    pub(super) wanted: BTreeMap<&'static str, Vec<Vec<String>>>,
    pub(super) watch: Watch,
    /// When it last looked for what killed workers have left.
    pub(super) tidied: Option<Instant>,
}
