//! Checks the records: lists of queries, results, failed attempts and claims.

use super::state::Check;
use crate::sweep::Error;
use std::collections::BTreeSet;

use crate::sweep::study::{Failure, Layout, Orders, Owner, TrialStage, UNKNOWN_FILE, key_of};

impl Check<'_> {
    /// The lists of queries.
    pub(super) fn lists(&mut self) -> Result<(), Error> {
        for name in self.names(Layout::QUERIES)? {
            let file = Layout::entry(Layout::QUERIES, &name);
            let place = name.strip_suffix(".json").and_then(|name| name.rsplit_once('-'));
            let is_known = place.is_some_and(|(part, set)| {
                let is_stage = matches!(part, "select" | "report") || part.parse::<TrialStage>().is_ok();
                let set = set.parse().ok().filter(|set| *set < self.study.manifest.sets.len());
                is_stage && set.is_some_and(|set| Layout::queries(part, set) == file)
            });
            if is_known {
                let read = self.study.store.read_json::<Vec<String>>(&file);
                self.held(read)?;
            } else {
                self.aside(&file, UNKNOWN_FILE)?;
            }
        }
        Ok(())
    }

    /// The results and the values that they were made of.
    pub(super) fn results(&mut self) -> Result<(), Error> {
        let orders = Orders::read(self.study)?;
        for name in self.names(Layout::RESULTS)? {
            let Some(key) = key_of(&name, ".json") else {
                self.aside(&Layout::entry(Layout::RESULTS, &name), UNKNOWN_FILE)?;
                continue;
            };
            let read = self.study.result(key, &orders).and_then(|done| match done {
                Some(done) if self.study.manifest.trial(done.subject.clone())?.id != done.trial => Err(self
                    .study
                    .store
                    .damaged(&Layout::entry(Layout::RESULTS, &name), "its values are not those of its trial")),
                done => Ok(done),
            });
            match self.held(read)? {
                Some(done) => self.done.extend(done.map(|done| (key.to_owned(), done))),
                // One without the other is of no use.
                None => self.queue(key)?,
            }
        }
        for name in self.names(Layout::VALUES)? {
            let file = Layout::entry(Layout::VALUES, &name);
            match key_of(&name, ".bin") {
                None => self.aside(&file, UNKNOWN_FILE)?,
                // A worker that was killed leaves values without result.
                Some(key) if !self.done.contains_key(key) => drop(self.held(self.study.store.values(key))?),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The failed attempts.
    pub(super) fn failures(&mut self) -> Result<(), Error> {
        let names = self.names(Layout::FAILURES)?;
        for name in &names {
            let file = Layout::entry(Layout::FAILURES, name);
            if std::fs::symlink_metadata(self.study.store.path(&file)).is_err() {
                continue;
            }
            if self.held(Failure::read(&self.study.store, name))?.is_some() {
                continue;
            }
            // Attempts are counted: the trial begins anew.
            let Some((key, _)) = name.strip_suffix(".json").and_then(|name| name.rsplit_once('.')) else { continue };
            for other in names.iter().filter(|other| *other != name && other.starts_with(&format!("{key}."))) {
                let other = Layout::entry(Layout::FAILURES, other);
                if std::fs::symlink_metadata(self.study.store.path(&other)).is_ok() {
                    self.study.store.set_aside(&other)?;
                }
            }
            if key_of(key, "").is_some() && !self.done.contains_key(key) {
                self.again.insert(key.to_owned(), key.to_owned());
            }
        }
        Ok(())
    }

    /// Lists of queries that results need: they are written when a trial is scored.
    pub(super) fn missing_lists(&mut self) -> Result<(), Error> {
        let stages: BTreeSet<String> = self.done.values().map(|done| done.stage.clone()).collect();
        for stage in stages {
            let Some((key, done)) = self.done.iter().find(|(_, done)| done.stage == stage) else { continue };
            let Ok(name) = stage.parse().map(TrialStage::queries) else { continue };
            let (key, weights) = (key.clone(), done.weights.clone());
            let mut is_whole = true;
            for index in 0..self.study.manifest.sets.len() {
                let file = Layout::queries(&name, index);
                if std::fs::symlink_metadata(self.study.store.path(&file)).is_ok() {
                    continue;
                }
                is_whole = false;
                if !self.found.damaged.iter().any(|damage| damage.file == file) {
                    self.aside(&file, "it is missing")?;
                }
            }
            if !is_whole {
                self.queue_all(&key, &weights)?;
            }
        }
        Ok(())
    }

    /// Claims. Those that are whole are their workers'.
    pub(super) fn claims(&mut self) -> Result<(), Error> {
        for name in self.names(Layout::CLAIMS)? {
            let file = Layout::entry(Layout::CLAIMS, &name);
            if key_of(&name, "").is_none() {
                self.aside(&file, UNKNOWN_FILE)?;
                continue;
            }
            let read = self.study.store.read_json::<Owner>(&file);
            self.held(read)?;
        }
        Ok(())
    }
}
