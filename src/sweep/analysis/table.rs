//! The results that tables and figures show: objectives, the Pareto front, and significant differences.

use rayon::prelude::*;

use super::pareto::pareto_front;
use super::resample::intervals;
use super::statistics::{Comparison, Strata};
use crate::eval::holm;
use crate::sweep::Error;
use crate::sweep::study::{Manifest, Results, Schedule, Study, Subject, Timings, Trial, TrialResult, TrialStage};

/// The level below which a difference is marked.
pub const LEVEL: f64 = 0.05;

/// A trial with its results.
#[derive(Clone, Debug)]
pub struct Row {
    /// The trial.
    pub trial: Trial,
    /// Its result over all documents.
    pub result: TrialResult,
    /// Its objectives.
    pub objectives: Vec<f64>,
    /// Their 95 % intervals, if they were asked for.
    pub intervals: Vec<(f64, f64)>,
    /// Its objectives against those of the reference; `None` for the reference itself.
    pub against: Vec<Option<ReferenceComparison>>,
    /// Whether it is Pareto-optimal: no other trial is at least as good on every objective and better on one.
    pub pareto_optimal: bool,
    /// Whether it is the first of several with the same weights.
    pub is_first: bool,
}

/// A trial against the reference on one objective.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReferenceComparison {
    /// The mean difference.
    pub difference: f64,
    /// Its 95 % interval, if it was asked for.
    pub interval: Option<(f64, f64)>,
    /// The p-value of the test.
    pub p: f64,
    /// The p-value after Holm's correction over all trials and objectives.
    pub corrected: f64,
}

impl ReferenceComparison {
    /// Whether the difference is more than chance.
    pub fn is_significant(&self) -> bool {
        self.corrected < LEVEL
    }
}

/// A point that has scores on samples of the queries alone.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// The trial.
    pub trial: Trial,
    /// The last step of the race that it was in.
    pub stage: TrialStage,
    /// Its objectives there, which are higher than over all documents.
    pub objectives: Vec<f64>,
}

/// The results of a study at one stage.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// The stage: all documents with the search's queries, or with held-out queries.
    pub stage: TrialStage,
    /// The trials with results, in the order of the plan.
    pub rows: Vec<Row>,
    /// The index of the reference: the first baseline with results.
    pub reference: Option<usize>,
    /// Points that a race stopped.
    pub dropped: Vec<Dropped>,
    /// Trials that failed for good, with the last error.
    pub failed: Vec<(Trial, String)>,
    /// Number of trials that are planned at this stage.
    pub planned: usize,
    /// Notes of the search.
    pub notes: Vec<String>,
    /// The time of all trials.
    pub time: Timings,
}

/// How much is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Objectives and the Pareto front.
    Means,
    /// Tests against the reference too.
    #[default]
    Tests,
    /// Bootstrap intervals too.
    Intervals,
}

/// A trial's comparisons with the reference, and the intervals of its objectives.
type Tested = (Vec<Option<Comparison>>, Vec<(f64, f64)>);

impl Analysis {
    /// The results of a study.
    ///
    /// # Errors
    /// Records that cannot be read.
    pub fn of(
        study: &Study,
        schedule: &Schedule,
        results: &Results,
        stage: TrialStage,
        depth: Depth,
    ) -> Result<Self, Error> {
        let manifest = &study.manifest;
        let mut found = Self {
            stage,
            rows: Vec::new(),
            reference: None,
            dropped: Vec::new(),
            failed: Vec::new(),
            planned: 0,
            notes: schedule.search.iter().flat_map(|generation| generation.notes.clone()).collect(),
            time: results.done.values().fold(Timings::default(), |sum, done| sum.plus(done.timings)),
        };
        let mut weights = std::collections::BTreeSet::new();
        for (trial, at) in schedule.trials() {
            if at != stage {
                continue;
            }
            found.planned += 1;
            let key = trial.key(stage);
            if let Some(done) = results.done.get(&key)
                && let Some(objectives) = manifest.objectives_of(done)
            {
                let is_first = weights.insert(done.weights.clone());
                found.rows.push(Row {
                    trial: trial.clone(),
                    result: done.clone(),
                    intervals: Vec::new(),
                    against: vec![None; objectives.len()],
                    objectives,
                    pareto_optimal: false,
                    is_first,
                });
            } else if results.has_failed(&key) {
                let last = results.failures.get(&key).and_then(|failures| failures.last());
                found.failed.push((trial.clone(), last.map_or_else(String::new, |failure| failure.error.clone())));
            }
        }
        if stage == TrialStage::Full {
            found.dropped = dropped(manifest, schedule, results, &found.rows);
        }
        let objectives: Vec<Vec<f64>> = found.rows.iter().map(|row| row.objectives.clone()).collect();
        for (row, is_optimal) in found.rows.iter_mut().zip(pareto_front(&objectives)) {
            row.pareto_optimal = is_optimal;
        }
        found.reference = found.rows.iter().position(|row| row.trial.point().is_none());
        if depth != Depth::Means {
            found.test(study, depth)?;
        }
        Ok(found)
    }

    /// Reads a study's records and analyses them.
    ///
    /// # Errors
    /// As [`Analysis::of`].
    pub fn read(study: &Study, stage: TrialStage, depth: Depth) -> Result<Self, Error> {
        let (schedule, results) = crate::sweep::study::read(study)?;
        Self::of(study, &schedule, &results, stage, depth)
    }

    /// Compares every trial with the reference.
    fn test(&mut self, study: &Study, depth: Depth) -> Result<(), Error> {
        let Some(reference) = self.reference.and_then(|index| self.rows.get(index)) else { return Ok(()) };
        let stage = self.stage;
        let base = study.manifest.all_strata(&study.store, &reference.trial.key(stage))?;
        let own = reference.result.weights.clone();
        let of_row = |row: &Row| study.manifest.all_strata(&study.store, &row.trial.key(stage));
        let strata: Vec<Vec<Strata>> = self.rows.par_iter().map(of_row).collect::<Result<_, Error>>()?;
        let mut tested: Vec<Tested> = self
            .rows
            .par_iter()
            .zip(&strata)
            .map(|(row, strata)| {
                let each = strata.iter().zip(&base);
                let compared = if row.result.weights == own {
                    vec![None; base.len()]
                } else {
                    each.map(|(strata, base)| tested_only(strata, base)).collect()
                };
                (compared, Vec::new())
            })
            .collect();
        if depth == Depth::Intervals {
            for (objective, base) in base.iter().enumerate() {
                let of_objective: Vec<&Strata> = strata.iter().filter_map(|strata| strata.get(objective)).collect();
                for ((compared, own), found) in tested.iter_mut().zip(intervals(&of_objective, base)) {
                    own.extend(found.0);
                    if let (Some(compared), Some(interval)) =
                        (compared.get_mut(objective).and_then(Option::as_mut), found.1)
                    {
                        compared.interval = interval;
                    }
                }
            }
        }
        // Trials with the same weights count as one for the correction.
        let counted = |index: usize| self.rows.get(index).is_some_and(|row| row.is_first);
        let p: Vec<f64> = tested
            .iter()
            .enumerate()
            .filter(|(index, _)| counted(*index))
            .flat_map(|(_, (compared, _))| compared.iter().flatten().map(|comparison| comparison.p))
            .collect();
        let corrected = holm(&p);
        let correct = |found: f64| {
            let same = p.iter().zip(&corrected).find(|(p, _)| p.total_cmp(&found).is_eq());
            same.map_or(found, |(_, corrected)| *corrected)
        };
        for (row, (compared, intervals)) in self.rows.iter_mut().zip(tested) {
            row.intervals = intervals;
            row.against = compared
                .into_iter()
                .map(|comparison| {
                    comparison.map(|comparison| ReferenceComparison {
                        difference: comparison.difference,
                        interval: Some(comparison.interval).filter(|_| depth == Depth::Intervals),
                        p: comparison.p,
                        corrected: correct(comparison.p),
                    })
                })
                .collect();
        }
        Ok(())
    }

    /// The row of a trial.
    pub fn row(&self, trial: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.trial.id == trial)
    }

    /// The Pareto-optimal rows, one for each set of weights.
    pub fn pareto_front(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.pareto_optimal && row.is_first)
    }

    /// The rows of the parents, in the order of the models.
    pub fn parents(&self) -> Vec<&Row> {
        self.rows.iter().filter(|row| matches!(row.trial.subject, Subject::Parent(_))).collect()
    }
}

fn tested_only(strata: &Strata, base: &Strata) -> Option<Comparison> {
    let (difference, p) = strata.test(base)?;
    Some(Comparison { difference, interval: (difference, difference), p })
}

/// Points that a race stopped; each with its last step.
fn dropped(manifest: &Manifest, schedule: &Schedule, results: &Results, rows: &[Row]) -> Vec<Dropped> {
    let mut found: Vec<Dropped> = Vec::new();
    for (trial, stage) in schedule.trials() {
        let is_race = matches!(stage, TrialStage::Race(_));
        if !is_race || rows.iter().any(|row| row.trial.id == trial.id) {
            continue;
        }
        let Some(objectives) = results.done.get(&trial.key(stage)).and_then(|done| manifest.objectives_of(done)) else {
            continue;
        };
        found.retain(|known| known.trial.id != trial.id);
        found.push(Dropped { trial: trial.clone(), stage, objectives });
    }
    found
}
