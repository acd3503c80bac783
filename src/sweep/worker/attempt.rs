//! One attempt at a trial, from weights to records.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::state::{Event, ScoresFrom, Worker};
use crate::eval::Metric;
use crate::sweep::Error;
use crate::sweep::file::SearchMethod;
use crate::sweep::study::{
    Carried, CarriedSet, Carrier, Failure, Layout, Orders, PerQuery, SameWeights, SetMeans, SetValues, Timings,
    TopDocuments, TrialResult, Written, mean_of, order_hash, top_documents_hash,
};
use crate::sweep::study::{Subject, Trial, TrialStage};
use crate::sweep::trial::{EvaluationError, Prepared, Queries, QueryScores, Request};

/// The result of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempted {
    /// It has scores.
    Scored,
    /// It failed.
    Failed,
}

/// The largest difference of a second result that is not reported.
const TOLERANCE: f64 = 1e-4;

/// Documents of each query's ranking that a race's samples are made of.
const DEPTH: usize = 10;

impl Worker<'_> {
    /// Evaluates a trial that this worker has claimed, and records the result.
    pub(super) fn attempt(&mut self, trial: &Trial, stage: TrialStage) -> Result<Attempted, Error> {
        let started = Instant::now();
        let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let key = trial.key(stage);
        self.log(&json!({"time": began, "event": "begun", "trial": trial.id, "stage": stage, "label": trial.label}));
        let found = self.evaluate(trial, stage, began, started);
        match found {
            Ok((done, from)) => {
                let (objectives, seconds) = (self.study.manifest.objectives_of(&done), done.timings.total);
                self.log(&json!({"event": "done", "trial": trial.id, "stage": stage, "seconds": seconds}));
                (self.on)(&Event::Scored { trial, stage, objectives, seconds, from });
                Ok(Attempted::Scored)
            }
            Err(EvaluationError::Cancelled) => Err(Error::Cancelled),
            Err(EvaluationError::Fatal(error)) => Err(error),
            Err(EvaluationError::Trial(error)) => {
                let attempt = self.results.attempts(&key);
                let failure = Failure {
                    trial: trial.id.clone(),
                    stage: stage.to_string(),
                    label: trial.label.clone(),
                    attempt,
                    error: error.clone(),
                    worker: self.owner.worker.clone(),
                };
                self.study.store.write_record(&Layout::failure(&key, attempt), &failure)?;
                self.log(&json!({"event": "failed", "trial": trial.id, "stage": stage, "error": error}));
                (self.on)(&Event::Failed { trial, attempt, error: &error });
                Ok(Attempted::Failed)
            }
        }
    }

    fn log(&self, line: &serde_json::Value) {
        self.study.store.log(&self.owner.worker, line);
    }

    fn evaluate(
        &mut self,
        trial: &Trial,
        stage: TrialStage,
        began: f64,
        started: Instant,
    ) -> Result<(TrialResult, ScoresFrom), EvaluationError> {
        let carried = self.carried(trial, stage)?;
        let whole = carried.as_ref().filter(|carried| carried.missing().is_empty());
        let is_whole = whole.is_some();
        let prepared = match whole {
            Some(carried) => Prepared { weights: carried.weights.clone(), seconds: 0.0 },
            None => self.evaluator.prepare(trial)?,
        };
        let same = Layout::same_weights(&prepared.weights, stage);
        let mut done = TrialResult {
            trial: trial.id.clone(),
            stage: stage.to_string(),
            label: trial.label.clone(),
            subject: trial.subject.clone(),
            weights: prepared.weights,
            sets: Vec::new(),
            values: String::new(),
            tops: None,
            device: self.evaluator.device(),
            admix: env!("CARGO_PKG_VERSION").to_owned(),
            worker: self.owner.worker.clone(),
            began,
            encoded: 0,
            timings: Timings { merge: prepared.seconds, ..Timings::default() },
        };
        if !is_whole && let Some((sets, values)) = self.known(&same, &done.weights, stage)? {
            done.sets = sets;
            self.record(trial, stage, &mut done, &values, started)?;
            return Ok((done, ScoresFrom::Twin));
        }
        // What is known of other weights is of no use.
        let carried = carried.filter(|carried| carried.weights == done.weights);
        let all = self.study.manifest.sets.len();
        let missing = carried.as_ref().map_or_else(|| (0..all).collect(), Carried::missing);
        let mut sets: Vec<Option<CarriedSet>> = carried.map_or_else(|| vec![None; all], |carried| carried.sets);
        if !missing.is_empty() {
            let (scores, tops) = self.score(stage, trial, &missing)?;
            done.tops = tops;
            for (index, scores) in missing.iter().zip(&scores) {
                done.encoded += scores.tokens as u64;
                done.timings.tokenise += scores.tokenise;
                done.timings.encode += scores.encode;
                done.timings.search += scores.search;
                done.timings.score += scores.score;
                sets[*index] = Some(self.scored(*index, scores));
            }
        }
        let sets: Vec<CarriedSet> = sets.into_iter().flatten().collect();
        done.sets = sets.iter().map(|set| set.means.clone()).collect();
        self.list_queries(stage, sets.iter().map(|set| &set.queries))?;
        let values = PerQuery { sets: sets.into_iter().map(|set| set.values).collect() };
        self.record(trial, stage, &mut done, &values, started)?;
        self.study.store.write_record(&same, &SameWeights { trial: trial.id.clone() })?;
        Ok((done, if missing.is_empty() { ScoresFrom::Earlier } else { ScoresFrom::Scoring }))
    }

    /// What earlier revisions of the study know of a trial.
    fn carried(&mut self, trial: &Trial, stage: TrialStage) -> Result<Option<Carried>, EvaluationError> {
        // Which documents parents rank first is not carried over, nor are samples, which they decide.
        let is_sample = matches!(stage, TrialStage::Race(_));
        if self.study.earlier.is_empty() || is_sample || self.makes_samples(trial, stage) {
            return Ok(None);
        }
        let queries = queries_of(stage);
        if !self.wanted.contains_key(queries.name()) {
            self.wanted.insert(queries.name(), self.evaluator.queries(queries)?);
        }
        if self.carrier.is_none() {
            self.carrier = Some(Carrier::new(self.study)?);
        }
        let (Some(carrier), Some(wanted)) = (&self.carrier, self.wanted.get(queries.name())) else { return Ok(None) };
        Ok(carrier.find(&trial.id, stage, wanted)?)
    }

    /// Whether the samples of a race are made of a trial's first documents.
    fn makes_samples(&self, trial: &Trial, stage: TrialStage) -> bool {
        let is_race = self.study.manifest.spec.search.method == SearchMethod::Racing;
        is_race && matches!(trial.subject, Subject::Parent(_)) && stage == TrialStage::Full
    }

    /// What is recorded of a data set.
    fn scored(&self, index: usize, scores: &QueryScores) -> CarriedSet {
        let manifest = &self.study.manifest;
        let metrics: Vec<String> = manifest.metrics().iter().map(ToString::to_string).collect();
        let label = manifest.sets.get(index).map_or("", |set| set.label.as_str());
        CarriedSet {
            queries: scores.queries.clone(),
            means: means(label, scores, &metrics),
            values: set_values(scores),
        }
    }

    /// The scores of a trial with the same weights.
    fn known(&self, same: &str, weights: &str, stage: TrialStage) -> Result<Option<(Vec<SetMeans>, PerQuery)>, Error> {
        let store = &self.study.store;
        let Some(twin) = store.read_json::<SameWeights>(same)? else { return Ok(None) };
        let key = format!("{}.{stage}", twin.trial);
        let Some(done) = self.study.result(&key, &Orders::read(self.study)?)? else { return Ok(None) };
        if done.weights != weights {
            return Err(store.damaged(same, format!("the trial {key} has other weights")));
        }
        Ok(Some((done.sets, store.per_query(&key)?)))
    }

    /// The scores of what was made ready, and the hash of the documents that it ranks first where a race's samples are made of them.
    fn score(
        &mut self,
        stage: TrialStage,
        trial: &Trial,
        sets: &[usize],
    ) -> Result<(Vec<QueryScores>, Option<String>), EvaluationError> {
        let tops = if let TrialStage::Race(_) = stage { self.parents_top_documents()? } else { Vec::new() };
        let makes_samples = self.makes_samples(trial, stage);
        let on = &mut *self.on;
        let mut progress = |done, all| {
            on(&Event::Progress { done, all });
            ControlFlow::Continue(())
        };
        let mut request = Request {
            queries: queries_of(stage),
            sets,
            race: if let TrialStage::Race(step) = stage { Some(step) } else { None },
            tops: &tops,
            depth: if makes_samples { DEPTH } else { 0 },
            cancel: self.options.cancel,
            progress: &mut progress,
        };
        let scores = self.evaluator.score(&mut request)?;
        let found = scores.len();
        if found != sets.len() {
            let message = format!("expected scores of {} data sets, found {found}", sets.len());
            return Err(EvaluationError::Trial(message));
        }
        if request.depth == 0 {
            return Ok((scores, None));
        }
        let tops: Vec<TopDocuments> = scores.iter().map(|scores| scores.tops.clone()).collect();
        let (store, name) = (&self.study.store, Layout::top_documents(&trial.id));
        let put = store.write_record(&name, &tops)?;
        let known = if put == Written::Present { store.read_json(&name)? } else { None };
        Ok((scores, Some(top_documents_hash(&known.unwrap_or(tops)))))
    }

    /// The documents that parents rank first, parent by parent.
    fn parents_top_documents(&self) -> Result<Vec<Vec<TopDocuments>>, Error> {
        let manifest = &self.study.manifest;
        let mut found = Vec::new();
        for index in 0..manifest.models.len() {
            let trial = manifest.trial(Subject::Parent(index))?;
            let done = self.results.done.get(&trial.key(TrialStage::Full));
            if let Some(hash) = done.and_then(|done| done.tops.as_ref()) {
                found.push(self.study.store.top_documents(&trial.id, hash)?);
            }
        }
        Ok(found)
    }

    /// Writes the ids of the queries, once for each study.
    fn list_queries<'q>(
        &mut self,
        stage: TrialStage,
        sets: impl Iterator<Item = &'q Vec<String>>,
    ) -> Result<(), Error> {
        let part = stage.queries();
        for (index, ids) in sets.enumerate() {
            let name = Layout::queries(&part, index);
            if !self.listed.contains(&name) {
                self.study.store.write_record(&name, ids)?;
                self.listed.insert(name);
            }
        }
        Ok(())
    }

    /// Writes the values of single queries, then the result. An existing result is kept.
    fn record(
        &mut self,
        trial: &Trial,
        stage: TrialStage,
        done: &mut TrialResult,
        values: &PerQuery,
        started: Instant,
    ) -> Result<(), Error> {
        let key = trial.key(stage);
        // A worker that was killed or slower may have written its own values, so the result follows the file.
        let (kept, hash) = self.study.store.write_values(&key, values)?;
        done.values = hash;
        if kept != *values {
            retake_means(done, &kept, &self.study.manifest.metrics());
        }
        done.timings.total = started.elapsed().as_secs_f64();
        let name = Layout::result(&key);
        if self.study.store.write_record(&name, done)? == Written::Present
            && let Some(known) = self.study.result(&key, &Orders::read(self.study)?)?
        {
            let by = difference(done, &known);
            if by > TOLERANCE {
                (self.on)(&Event::Differs { trial, by });
            }
            *done = known;
        }
        Ok(())
    }
}

/// Replaces the means of a result by those of other values.
fn retake_means(done: &mut TrialResult, values: &PerQuery, metrics: &[Metric]) {
    for (set, values) in done.sets.iter_mut().zip(&values.sets) {
        set.queries = values.metrics.first().map_or(0, |values| values.iter().filter(|x| x.is_finite()).count());
        set.means =
            metrics.iter().map(ToString::to_string).zip(values.metrics.iter().map(|values| mean_of(values))).collect();
    }
}

/// The largest difference between two results' means.
fn difference(one: &TrialResult, other: &TrialResult) -> f64 {
    let values = |done: &TrialResult| -> Vec<f64> {
        done.sets.iter().flat_map(|set| set.means.values().map(|mean| mean.unwrap_or(-1.0))).collect()
    };
    let (one, other) = (values(one), values(other));
    if one.len() != other.len() {
        return f64::INFINITY;
    }
    one.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn means(label: &str, scores: &QueryScores, metrics: &[String]) -> SetMeans {
    let mean = |values: &Vec<Option<f64>>| mean_of(&values.iter().copied().flatten().collect::<Vec<_>>());
    let means: BTreeMap<String, Option<f64>> = metrics.iter().cloned().zip(scores.metrics.iter().map(mean)).collect();
    let counted = scores.metrics.first().map_or(0, |values| values.iter().flatten().count());
    SetMeans { set: label.to_owned(), queries: counted, documents: scores.documents, tokens: scores.tokens, means }
}

fn set_values(scores: &QueryScores) -> SetValues {
    let of_metric = |values: &Vec<Option<f64>>| values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
    SetValues { order: order_hash(&scores.queries), metrics: scores.metrics.iter().map(of_metric).collect() }
}

/// The queries of a stage.
fn queries_of(stage: TrialStage) -> Queries {
    if stage == TrialStage::Confirm { Queries::Report } else { Queries::Select }
}
