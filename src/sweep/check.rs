//! Reading everything that a study has, and putting aside what is damaged, so that just that is done again.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Error;
use super::search::{History, next};
use super::study::{
    CONFIRM, EXTEND, Failure, Generation, Layout, Orders, Owner, Results, SEARCH, SameWeights, Schedule, Study,
    Subject, TopDocuments, Trial, TrialResult, TrialStage, UNKNOWN_FILE, UNPLANNED, Watch, key_of, place_of,
};

/// A damaged file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its place in the study's folder.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
    /// Where it is now; `None` where it stayed or was not there.
    pub moved: Option<String>,
}

/// What a look at everything came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Files that were read.
    pub files: usize,
    /// Those that are damaged.
    pub damaged: Vec<Damage>,
    /// The trials that are to be scored again, by label.
    pub again: Vec<String>,
}

/// Reads everything that a study has. Damaged files are moved to `damaged`, with what cannot be trusted without them; lists of
/// trials are made again from what is left.
///
/// # Errors
/// A folder that cannot be read; damage in a folder that cannot be written.
pub fn check(study: &Study) -> Result<Checked, Error> {
    // What is lost of an earlier revision is scored again where the latest one needs it.
    let mut whole = Checked::default();
    for revision in study.revisions() {
        let found = check_revision(revision)?;
        whole.files += found.files;
        let place = |name: String| revision.store.place_of(&name);
        whole.damaged.extend(found.damaged.into_iter().map(|damage| Damage {
            file: place(damage.file),
            moved: damage.moved.map(place),
            problem: damage.problem,
        }));
        if std::ptr::eq(revision, study) {
            whole.again = found.again;
        }
    }
    Ok(whole)
}

/// Checks one revision of a study.
fn check_revision(study: &Study) -> Result<Checked, Error> {
    let found = Checked { files: 1, ..Checked::default() };
    let mut check = Check { study, found, done: BTreeMap::new(), again: BTreeMap::new() };
    check.lists()?;
    check.results()?;
    check.failures()?;
    check.twins()?;
    check.tops()?;
    check.missing_lists()?;
    check.plan()?;
    check.claims()?;
    if !check.found.damaged.is_empty() {
        check.twins_again()?;
    }
    study.store.tidy(&mut Watch::default());
    let labels: BTreeSet<String> = check.again.into_values().collect();
    Ok(Checked { again: labels.into_iter().collect(), ..check.found })
}

struct Check<'a> {
    study: &'a Study,
    found: Checked,
    /// The results that are whole.
    done: BTreeMap<String, TrialResult>,
    /// The labels of trials whose results were put aside, by trial and stage.
    again: BTreeMap<String, String>,
}

impl Check<'_> {
    /// The names in a part of the folder.
    fn names(&mut self, folder: &str) -> Result<Vec<String>, Error> {
        let names = self.study.store.list(folder)?;
        self.found.files += names.len();
        Ok(names)
    }

    /// What came of reading a file; a damaged one is put aside.
    fn held<T>(&mut self, read: Result<T, Error>) -> Result<Option<T>, Error> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { path, problem }) => {
                self.aside(&self.study.store.name_of(&path), &problem)?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Puts a damaged file aside, if it is there.
    fn aside(&mut self, name: &str, problem: &str) -> Result<(), Error> {
        let is_there = std::fs::symlink_metadata(self.study.store.path(name)).is_ok();
        let moved = if is_there { Some(self.study.store.set_aside(name)?) } else { None };
        self.found.damaged.push(Damage { file: name.to_owned(), problem: problem.to_owned(), moved });
        Ok(())
    }

    /// Puts a trial's result aside, so that it is scored again.
    fn queue(&mut self, key: &str) -> Result<(), Error> {
        for name in [Layout::result(key), Layout::values(key)] {
            if std::fs::symlink_metadata(self.study.store.path(&name)).is_ok() {
                self.study.store.set_aside(&name)?;
            }
        }
        let label = self.done.remove(key).map(|done| done.label);
        self.again.insert(key.to_owned(), label.unwrap_or_else(|| key.to_owned()));
        Ok(())
    }

    /// The lists of queries.
    fn lists(&mut self) -> Result<(), Error> {
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
    fn results(&mut self) -> Result<(), Error> {
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
    fn failures(&mut self) -> Result<(), Error> {
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

    /// The files that name the trials that were scored first.
    fn twins(&mut self) -> Result<(), Error> {
        for name in self.names(Layout::SAME_WEIGHTS)? {
            let file = Layout::entry(Layout::SAME_WEIGHTS, &name);
            let Some(same) = self.held(self.study.store.read_json::<SameWeights>(&file))?.flatten() else { continue };
            let twin = name.rsplit_once('.').map(|(weights, stage)| (weights, format!("{}.{stage}", same.trial)));
            let is_right = twin.is_some_and(|(weights, key)| {
                self.done.get(&key).map_or_else(|| key_of(&key, "").is_some(), |done| done.weights == weights)
            });
            if !is_right {
                self.aside(&file, "it names a trial with other weights")?;
            }
        }
        Ok(())
    }

    /// Names again the trials that were scored first.
    fn twins_again(&self) -> Result<(), Error> {
        for done in self.done.values() {
            let Ok(stage) = done.stage.parse::<TrialStage>() else { continue };
            self.study.store.write_record(
                &Layout::same_weights(&done.weights, stage),
                &SameWeights { trial: done.trial.clone() },
            )?;
        }
        Ok(())
    }

    /// The documents that parents rank first.
    fn tops(&mut self) -> Result<(), Error> {
        for name in self.names(Layout::TOP_DOCUMENTS)? {
            let id = name.strip_suffix(".json").filter(|id| key_of(&format!("{id}.full"), "").is_some());
            match id {
                None => self.aside(&Layout::entry(Layout::TOP_DOCUMENTS, &name), UNKNOWN_FILE)?,
                Some(_) => drop(self.held(
                    self.study.store.read_json::<Vec<TopDocuments>>(&Layout::entry(Layout::TOP_DOCUMENTS, &name)),
                )?),
            }
        }
        let with_tops = self.done.iter().filter_map(|(key, done)| {
            Some((key.clone(), done.trial.clone(), done.weights.clone(), done.tops.clone()?))
        });
        for (key, trial, weights, hash) in with_tops.collect::<Vec<_>>() {
            let file = Layout::top_documents(&trial);
            let was_seen = self.found.damaged.iter().any(|damage| damage.file == file);
            let read = self.study.store.top_documents(&trial, &hash);
            let is_whole = if was_seen { read.is_ok() } else { self.held(read)?.is_some() };
            if !is_whole {
                self.queue_all(&key, &weights)?;
            }
        }
        Ok(())
    }

    /// Puts the results of all trials with the same weights aside, so that one of them is scored and not taken from another.
    fn queue_all(&mut self, key: &str, weights: &str) -> Result<(), Error> {
        let stage = key.split_once('.').map(|(_, stage)| stage.to_owned());
        let same: Vec<String> = self
            .done
            .iter()
            .filter(|(_, done)| done.weights == weights && Some(&done.stage) == stage.as_ref())
            .map(|(key, _)| key.clone())
            .collect();
        same.iter().try_for_each(|key| self.queue(key))
    }

    /// Lists of queries that results need: they are written when a trial is scored.
    fn missing_lists(&mut self) -> Result<(), Error> {
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

    /// The generations. They follow from the sweep file and the results, or from the results alone.
    fn plan(&mut self) -> Result<(), Error> {
        let mut kept: BTreeMap<(&'static str, usize), Generation> = BTreeMap::new();
        for name in self.names(Layout::PLAN)? {
            let file = Layout::entry(Layout::PLAN, &name);
            let Some(place) = place_of(&name) else {
                self.aside(&file, UNKNOWN_FILE)?;
                continue;
            };
            let read = self.study.store.read_json::<Generation>(&file);
            kept.extend(self.held(read)?.flatten().map(|generation| (place, generation)));
        }
        let mut schedule = Schedule::default();
        self.plan_search(&mut schedule, &mut kept)?;
        for kind in [EXTEND, CONFIRM] {
            self.plan_by_hand(kind, &mut schedule, &mut kept)?;
        }
        let results = self.as_results();
        let lost: Vec<String> = schedule.unplanned(&results).into_iter().map(str::to_owned).collect();
        for key in lost {
            self.found.damaged.push(Damage { file: Layout::result(&key), problem: UNPLANNED.to_owned(), moved: None });
            self.queue(&key)?;
        }
        for (trial, stage) in schedule.trials() {
            if let Some(label) = self.again.get_mut(&trial.key(stage)) {
                label.clone_from(&trial.label);
            }
        }
        Ok(())
    }

    fn as_results(&self) -> Results {
        Results::of(self.done.clone())
    }

    /// The generations of the search: a lost one is planned again, as every worker would.
    fn plan_search(
        &mut self,
        schedule: &mut Schedule,
        kept: &mut BTreeMap<(&'static str, usize), Generation>,
    ) -> Result<(), Error> {
        for index in 0.. {
            let file = Layout::generation(SEARCH, index);
            if let Some(generation) = kept.remove(&(SEARCH, index)) {
                schedule.search.push(generation);
                continue;
            }
            let later: Vec<usize> = kept.keys().filter(|(kind, _)| *kind == SEARCH).map(|(_, at)| *at).collect();
            let lost = self.unplanned_of_search(schedule, kept);
            if later.is_empty() && lost.is_empty() {
                return Ok(());
            }
            let mut known = Results::read_failures(self.study)?;
            let before: BTreeSet<String> =
                schedule.trials().into_iter().map(|(trial, stage)| trial.key(stage)).collect();
            known.done.extend(
                self.done
                    .iter()
                    .filter(|(key, _)| before.contains(*key))
                    .map(|(key, done)| (key.clone(), done.clone())),
            );
            let history = History { study: self.study, generations: &schedule.search, results: &known };
            let is_settled = Schedule::is_settled(&schedule.search, &known);
            let again = if is_settled { next(&history)? } else { None };
            let again = again.filter(|generation| {
                !later.is_empty() || generation.trials.iter().any(|trial| lost.contains(&trial.key(generation.stage)))
            });
            let Some(again) = again else {
                // What follows cannot be told to be right.
                for at in later {
                    kept.remove(&(SEARCH, at));
                    self.aside(&Layout::generation(SEARCH, at), "a generation before it is gone")?;
                }
                return Ok(());
            };
            self.write_again(&file, &again)?;
            schedule.search.push(again);
        }
        Ok(())
    }

    /// The results that no generation has, of those that a search may have planned.
    fn unplanned_of_search(
        &self,
        schedule: &Schedule,
        kept: &BTreeMap<(&'static str, usize), Generation>,
    ) -> BTreeSet<String> {
        let whole =
            Schedule { search: schedule.search.iter().chain(kept.values()).cloned().collect(), ..Schedule::default() };
        let results = self.as_results();
        let confirm = format!(".{}", TrialStage::Confirm);
        whole.unplanned(&results).into_iter().filter(|key| !key.ends_with(&confirm)).map(str::to_owned).collect()
    }

    /// Points that were added by hand and trials to confirm: a lost list is made again of the results that have no other.
    fn plan_by_hand(
        &mut self,
        kind: &'static str,
        schedule: &mut Schedule,
        kept: &mut BTreeMap<(&'static str, usize), Generation>,
    ) -> Result<(), Error> {
        let stage = if kind == EXTEND { TrialStage::Full } else { TrialStage::Confirm };
        let others = Schedule { search: schedule.all().chain(kept.values()).cloned().collect(), ..Schedule::default() };
        let results = self.as_results();
        let lost = others.unplanned(&results).into_iter().filter_map(|key| results.done.get(key));
        // Only points are added by hand.
        let may_be = |done: &&TrialResult| kind == CONFIRM || matches!(done.subject, Subject::Point(_));
        let lost = lost.filter(|done| done.stage == stage.to_string()).filter(may_be);
        let mut lost: Vec<Trial> = lost
            .map(|done| Trial { id: done.trial.clone(), label: done.label.clone(), subject: done.subject.clone() })
            .collect();
        let last = kept.keys().filter(|(of, _)| *of == kind).map(|(_, at)| *at).max();
        for index in 0.. {
            let generation = match kept.remove(&(kind, index)) {
                Some(generation) => generation,
                None if last.is_some_and(|last| index < last) || !lost.is_empty() => {
                    let again = Generation { stage, trials: std::mem::take(&mut lost), notes: Vec::new() };
                    self.write_again(&Layout::generation(kind, index), &again)?;
                    again
                }
                None => return Ok(()),
            };
            if kind == EXTEND {
                schedule.extensions.push(generation);
            } else {
                schedule.confirmations.push(generation);
            }
        }
        Ok(())
    }

    fn write_again(&mut self, file: &str, generation: &Generation) -> Result<(), Error> {
        self.study.store.write_record(file, generation)?;
        if !self.found.damaged.iter().any(|damage| damage.file == file) {
            self.found.damaged.push(Damage { file: file.to_owned(), problem: "it is missing".to_owned(), moved: None });
        }
        Ok(())
    }

    /// Claims. Those that are whole are their workers'.
    fn claims(&mut self) -> Result<(), Error> {
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
