//! All results of a study, read once each.

use std::collections::{BTreeMap, BTreeSet};

use super::done::{Done, Failure};
use super::folder::Store;
use crate::sweep::Error;

/// How often a trial is tried before it is left failed.
pub(crate) const ATTEMPTS: usize = 3;

/// What is known of a study's trials.
#[derive(Clone, Debug, Default)]
pub struct Results {
    /// By trial and stage, as `TRIAL.STAGE`.
    pub done: BTreeMap<String, Done>,
    /// The failed attempts, by trial and stage.
    pub failures: BTreeMap<String, Vec<Failure>>,
    seen: BTreeSet<String>,
}

impl Results {
    /// Reads every result.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(store: &Store) -> Result<Self, Error> {
        let mut results = Self::default();
        results.refresh(store)?;
        Ok(results)
    }

    /// Reads the results that are new.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn refresh(&mut self, store: &Store) -> Result<(), Error> {
        for name in store.list("done")? {
            let Some(key) = name.strip_suffix(".json") else { continue };
            if !self.done.contains_key(key)
                && let Some(done) = store.read_json(&format!("done/{name}"))?
            {
                self.done.insert(key.to_owned(), done);
            }
        }
        let names = store.list("fail")?;
        // `sweep retry` takes failures away.
        if names.len() < self.seen.len() || self.seen.iter().any(|name| names.binary_search(name).is_err()) {
            self.failures.clear();
            self.seen.clear();
        }
        for name in names {
            if self.seen.insert(name.clone())
                && let Some(failure) = store.read_json::<Failure>(&format!("fail/{name}"))?
            {
                let key = format!("{}.{}", failure.trial, failure.stage);
                self.failures.entry(key).or_default().push(failure);
            }
        }
        Ok(())
    }

    /// The failed attempts at a trial.
    pub fn attempts(&self, key: &str) -> usize {
        self.failures.get(key).map_or(0, Vec::len)
    }

    /// Whether a trial is left failed.
    pub fn has_failed(&self, key: &str) -> bool {
        !self.done.contains_key(key) && self.attempts(key) >= ATTEMPTS
    }

    /// Whether nothing more is to be done for a trial.
    pub fn is_settled(&self, key: &str) -> bool {
        self.done.contains_key(key) || self.has_failed(key)
    }
}
