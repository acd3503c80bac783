//! Reads the results of a study, each once.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::trial_result::{Failure, TrialResult};
use super::verify::Orders;
use crate::sweep::Error;
use crate::sweep::study::layout::Layout;
use crate::sweep::study::open::Study;
use crate::sweep::study::stage::TrialStage;
use crate::sweep::study::store::Store;

/// What is wrong with a file that has no place in a study.
pub(crate) const UNKNOWN_FILE: &str = "a study has no file of this name";

/// The name of a trial at a stage, in a file's name.
pub(crate) fn key_of<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let key = name.strip_suffix(end)?;
    let (trial, stage) = key.split_once('.')?;
    let is_id = trial.len() == 16 && trial.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_id && stage.parse::<TrialStage>().is_ok_and(|parsed| parsed.to_string() == stage)).then_some(key)
}

impl Failure {
    /// Reads a failed attempt; `None` where there is none.
    pub(crate) fn read(store: &Store, name: &str) -> Result<Option<Self>, Error> {
        let file = Layout::entry(Layout::FAILURES, name);
        let parts = name.strip_suffix(".json").and_then(|name| name.rsplit_once('.'));
        let known = parts.and_then(|(key, attempt)| Some((key_of(key, "")?, attempt.parse::<usize>().ok()?)));
        let (key, attempt) = known.ok_or_else(|| store.damaged(&file, UNKNOWN_FILE))?;
        let Some(failure) = store.read_json::<Self>(&file)? else { return Ok(None) };
        if format!("{}.{}", failure.trial, failure.stage) != key || failure.attempt != attempt {
            return Err(store.damaged(&file, "it is of another attempt"));
        }
        Ok(Some(failure))
    }
}

/// The number of attempts before a trial has failed for good.
pub(crate) const ATTEMPTS: usize = 3;

/// The records of a study's trials.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// By trial and stage, as `trial.STAGE`.
    pub done: BTreeMap<String, TrialResult>,
    /// The failed attempts, by trial and stage.
    pub failures: BTreeMap<String, Vec<Failure>>,
    seen: BTreeSet<String>,
}

impl Results {
    /// Reads every result.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn read(study: &Study) -> Result<Self, Error> {
        let mut results = Self::default();
        results.refresh(study)?;
        Ok(results)
    }

    /// Reads new results, and checks each against its values.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn refresh(&mut self, study: &Study) -> Result<(), Error> {
        let store = &study.store;
        let mut new = Vec::new();
        for name in store.list(Layout::RESULTS)? {
            let key = key_of(&name, ".json")
                .ok_or_else(|| store.damaged(&Layout::entry(Layout::RESULTS, &name), UNKNOWN_FILE))?;
            if !self.done.contains_key(key) {
                new.push(key.to_owned());
            }
        }
        if !new.is_empty() {
            let orders = Orders::read(study)?;
            let read = |key: String| Ok(study.result(&key, &orders)?.map(|done| (key, done)));
            let read: Vec<Option<(String, TrialResult)>> =
                new.into_par_iter().map(read).collect::<Result<_, Error>>()?;
            self.done.extend(read.into_iter().flatten());
        }
        self.refresh_failures(store)
    }

    /// These results.
    pub(crate) fn of(done: BTreeMap<String, TrialResult>) -> Self {
        Self { done, ..Self::default() }
    }

    /// The failed attempts alone.
    pub(crate) fn read_failures(study: &Study) -> Result<Self, Error> {
        let mut results = Self::default();
        results.refresh_failures(&study.store)?;
        Ok(results)
    }

    fn refresh_failures(&mut self, store: &Store) -> Result<(), Error> {
        let names = store.list(Layout::FAILURES)?;
        // `sweep retry` takes failures away.
        if names.len() < self.seen.len() || self.seen.iter().any(|name| names.binary_search(name).is_err()) {
            self.failures.clear();
            self.seen.clear();
        }
        for name in names {
            if self.seen.contains(&name) {
                continue;
            }
            if let Some(failure) = Failure::read(store, &name)? {
                let key = format!("{}.{}", failure.trial, failure.stage);
                self.failures.entry(key).or_default().push(failure);
            }
            self.seen.insert(name);
        }
        Ok(())
    }

    /// The failed attempts at a trial.
    pub fn attempts(&self, key: &str) -> usize {
        self.failures.get(key).map_or(0, Vec::len)
    }

    /// Whether a trial has failed for good.
    pub fn has_failed(&self, key: &str) -> bool {
        !self.done.contains_key(key) && self.attempts(key) >= ATTEMPTS
    }

    /// Whether a trial has a result or has failed for good.
    pub fn is_settled(&self, key: &str) -> bool {
        self.done.contains_key(key) || self.has_failed(key)
    }
}
