//! What a check has found so far.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sweep::Error;
use crate::sweep::study::{Layout, Study, TrialResult};

/// A damaged file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its path in the study's folder.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
    /// Where it was moved; `None` if it stayed or did not exist.
    pub moved: Option<String>,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Number of files that were read.
    pub files: usize,
    /// The damaged files.
    pub damaged: Vec<Damage>,
    /// The trials that are to be scored again, by label.
    pub again: Vec<String>,
}

/// A check in progress.
pub(super) struct Check<'a> {
    pub(super) study: &'a Study,
    pub(super) found: Checked,
    /// The results that are intact.
    pub(super) done: BTreeMap<String, TrialResult>,
    /// The labels of trials whose results were set aside, by trial and stage.
    pub(super) again: BTreeMap<String, String>,
}

impl Check<'_> {
    /// The names in a part of the folder.
    pub(super) fn names(&mut self, folder: &str) -> Result<Vec<String>, Error> {
        let names = self.study.store.list(folder)?;
        self.found.files += names.len();
        Ok(names)
    }

    /// Returns what was read of a file, and sets a damaged one aside.
    pub(super) fn held<T>(&mut self, read: Result<T, Error>) -> Result<Option<T>, Error> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { path, problem }) => {
                self.aside(&self.study.store.name_of(&path), &problem)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sets a damaged file aside, if it exists.
    pub(super) fn aside(&mut self, name: &str, problem: &str) -> Result<(), Error> {
        let is_there = std::fs::symlink_metadata(self.study.store.path(name)).is_ok();
        let moved = if is_there { Some(self.study.store.set_aside(name)?) } else { None };
        self.found.damaged.push(Damage { file: name.to_owned(), problem: problem.to_owned(), moved });
        Ok(())
    }

    /// Sets a trial's result aside, so that it is scored again.
    pub(super) fn queue(&mut self, key: &str) -> Result<(), Error> {
        for name in [Layout::result(key), Layout::values(key)] {
            if std::fs::symlink_metadata(self.study.store.path(&name)).is_ok() {
                self.study.store.set_aside(&name)?;
            }
        }
        let label = self.done.remove(key).map(|done| done.label);
        self.again.insert(key.to_owned(), label.unwrap_or_else(|| key.to_owned()));
        Ok(())
    }

    /// Sets the results of all trials with the same weights aside, so that one of them is scored and not copied from another.
    pub(super) fn queue_all(&mut self, key: &str, weights: &str) -> Result<(), Error> {
        let stage = key.split_once('.').map(|(_, stage)| stage.to_owned());
        let same: Vec<String> = self
            .done
            .iter()
            .filter(|(_, done)| done.weights == weights && Some(&done.stage) == stage.as_ref())
            .map(|(key, _)| key.clone())
            .collect();
        same.iter().try_for_each(|key| self.queue(key))
    }
}
