//! Reports the state of a study.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Error;
use super::analysis::{Analysis, Depth};
use super::file::SearchMethod;
use super::study::{HeldClaim, Lease, Results, Study, TrialStage, Watch};
use super::time_left::time_left;

/// The state of a study. Only means are computed.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The study's name.
    pub study: String,
    /// Number of trials that are planned so far, counting each stage of a trial.
    pub planned: usize,
    /// Number of those with scores.
    pub done: usize,
    /// Number of those that failed for good.
    pub failed: usize,
    /// The trials that workers are running.
    pub running: Vec<Running>,
    /// Of the planned and the done trials, the number on held-out queries.
    pub confirmed: [usize; 2],
    /// Whether every trial that is planned is settled.
    pub settled: bool,
    /// The average time of a scored trial, in seconds.
    pub seconds_a_trial: Option<f64>,
    /// Seconds until all that is planned is done with the workers there are, once one of them has finished a trial.
    pub seconds_left: Option<f64>,
    /// Tokens that were encoded so far.
    pub encoded_tokens: u64,
    /// For a race, the tokens that the grid would encode: every point on everything, those with the same weights once.
    pub grid_tokens: Option<u64>,
    /// The front so far: labels and objectives.
    pub front: Vec<(String, Vec<f64>)>,
    /// The objectives' names.
    pub objectives: Vec<String>,
}

/// A trial that a worker is running.
#[derive(Clone, Debug, Serialize)]
pub struct Running {
    /// What people call the trial.
    pub label: String,
    /// Its stage.
    pub stage: TrialStage,
    /// The worker.
    pub worker: String,
    /// The Slurm job it runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Seconds since its last heartbeat; `None` where its date is in the future.
    pub age: Option<f64>,
    /// Whether it seems abandoned. Others take it over when they have seen it unchanged for long enough.
    pub stale: bool,
}

impl Status {
    /// Reads the state of a study. `watch` remembers what earlier calls saw.
    ///
    /// # Errors
    /// Records that cannot be read.
    pub fn of(study: &Study, watch: &mut Watch) -> Result<Self, Error> {
        let (schedule, results) = super::study::read(study)?;
        let trials = schedule.trials();
        let claims = study.store.claims(Lease::default(), watch)?;
        let running: Vec<Running> = trials
            .iter()
            .filter(|(trial, stage)| !results.is_settled(&trial.key(*stage)))
            .filter_map(|(trial, stage)| {
                let taken = claims.iter().find(|taken| taken.key == trial.key(*stage))?;
                Some(running(&trial.label, *stage, taken))
            })
            .collect();
        let count = |of: &dyn Fn(&str, TrialStage) -> bool| {
            trials.iter().filter(|(trial, stage)| of(&trial.key(*stage), *stage)).count()
        };
        let tokens = EncodedTokens::of(study, &results);
        let done = count(&|key, _| results.done.contains_key(key));
        let failed = count(&|key, _| results.has_failed(key));
        let scored: Vec<f64> =
            results.done.values().filter(|done| done.timings.encode > 0.0).map(|done| done.timings.total).collect();
        let seconds_a_trial = (!scored.is_empty()).then(|| scored.iter().sum::<f64>() / scored.len() as f64);
        let left = trials.len() - done - failed;
        let analysis = Analysis::of(study, &schedule, &results, TrialStage::Full, Depth::Means)?;
        Ok(Self {
            study: study.manifest.spec.study.clone(),
            planned: trials.len(),
            done,
            failed,
            confirmed: [
                count(&|_, stage| stage == TrialStage::Confirm),
                count(&|key, stage| stage == TrialStage::Confirm && results.done.contains_key(key)),
            ],
            settled: left == 0 && !trials.is_empty(),
            seconds_a_trial,
            seconds_left: time_left(&study.manifest, &schedule, &results, &claims).filter(|_| left > 0),
            encoded_tokens: tokens.encoded,
            grid_tokens: tokens.grid,
            front: analysis.pareto_front().map(|row| (row.trial.label.clone(), row.objectives.clone())).collect(),
            objectives: study.manifest.spec.objectives.iter().map(|objective| objective.name.clone()).collect(),
            running,
        })
    }
}

/// The tokens that a study has encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodedTokens {
    /// Those of all trials.
    pub encoded: u64,
    /// For a race, those that the grid would encode.
    pub grid: Option<u64>,
}

impl EncodedTokens {
    /// Adds up what the results say.
    pub fn of(study: &Study, results: &Results) -> Self {
        let encoded = results.done.values().map(|done| done.encoded).sum();
        // A trial on held-out queries is none of the grid's, and the step of a race has every point.
        let search = || results.done.values().filter(|done| done.stage != TrialStage::Confirm.to_string());
        let full = search().filter(|done| done.stage == TrialStage::Full.to_string());
        let each = full.map(|done| done.encoded).max().unwrap_or_default();
        let weights: BTreeSet<&str> = search().map(|done| done.weights.as_str()).collect();
        let is_race = study.manifest.spec.search.method == SearchMethod::Racing;
        Self { encoded, grid: is_race.then_some(each * weights.len() as u64) }
    }
}

fn running(label: &str, stage: TrialStage, taken: &HeldClaim) -> Running {
    let owner = taken.owner.as_ref();
    Running {
        label: label.to_owned(),
        stage,
        worker: owner.map_or_else(|| "unknown: its claim is damaged".to_owned(), |owner| owner.worker.clone()),
        job: owner.and_then(|owner| owner.job.clone()),
        age: taken.age.map(|age| age.as_secs_f64()),
        stale: taken.is_stale || taken.age.is_none_or(|age| age >= Lease::default().stale),
    }
}
