//! Coming back to a study whose sweep file has changed: what stands is kept, in a revision of the study that follows the one before.

use std::collections::BTreeSet;

use super::compare;
use super::layout::Layout;
use super::manifest::{Manifest, Set};
use super::open::{Study, mismatch, new_name};
use super::schedule::{EXTEND, Schedule};
use super::stage::TrialStage;
use super::store::{Store, Written};
use super::trial::{Generation, Trial};
use crate::sweep::Error;
use crate::sweep::file::{Parsed, Spec};

/// What a sweep file is to the study in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is none yet.
    New,
    /// It is the study's.
    Unchanged,
    /// It differs by these lines, and the study's results stand.
    Revised(Vec<String>),
    /// It differs by these lines, and the study has no results to keep.
    Rebuilt(Vec<String>),
}

/// The study that a sweep file asks for. Nothing is written yet.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The study.
    pub study: Study,
    /// What differs from the one that is there.
    pub change: Change,
}

impl Study {
    /// Makes a study, or comes back to the one in the folder, which takes in what the sweep file changes.
    ///
    /// # Errors
    /// A checkpoint or data set that cannot be read; a study of something else.
    pub fn create(parsed: &Parsed) -> Result<Self, Error> {
        Self::preview(parsed)?.write()
    }

    /// The study that a sweep file asks for, of which nothing is written.
    ///
    /// # Errors
    /// As [`Study::create`].
    pub fn preview(parsed: &Parsed) -> Result<Preview, Error> {
        let Parsed { spec, store, .. } = parsed;
        if !store.join(Layout::MANIFEST).exists() {
            spec.check_size()?;
            return Ok(Preview::new(Manifest::of(spec.clone())?, Store::read_only(store)));
        }
        let study = Self::open(store)?;
        let asked = compare::specs(&study.manifest.spec, spec);
        let outer = study.outer_differences()?;
        if asked.is_empty() && outer.is_empty() {
            return Ok(Preview { study, change: Change::Unchanged });
        }
        if !study.has_results()? {
            let lines = asked.into_iter().chain(outer).collect();
            return Ok(study.revised(manifest(spec)?, Change::Rebuilt(lines)));
        }
        let mut fixed = compare::program(&study.manifest);
        fixed.extend(compare::scores(&study.manifest.spec, spec));
        if asked.is_empty() || !fixed.is_empty() {
            return Err(mismatch(&study, if asked.is_empty() { outer } else { fixed }));
        }
        let manifest = manifest(spec)?;
        let mut changed = Vec::new();
        for revision in study.revisions() {
            // What has no results has nothing to keep.
            if revision.is_scored()? {
                changed.extend(compare::files(&revision.manifest, &manifest));
            }
        }
        if changed.is_empty() {
            Ok(study.revised(manifest, Change::Revised(asked)))
        } else {
            Err(mismatch(&study, changed))
        }
    }

    /// The revision that follows, with another manifest.
    pub(crate) fn revised(self, mut manifest: Manifest, change: Change) -> Preview {
        manifest.revises = Some(self.store.study().to_owned());
        let part = Layout::revision(self.earlier.len() + 1);
        let store = Store::read_only(self.store.root()).of_part(&part);
        Preview { study: self.followed_by(manifest, store), change }
    }

    /// Whether any revision of the study has a result.
    fn has_results(&self) -> Result<bool, Error> {
        for revision in self.revisions() {
            if revision.is_scored()? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether this revision has a result.
    fn is_scored(&self) -> Result<bool, Error> {
        Ok(!self.store.list(Layout::RESULTS)?.is_empty())
    }

    /// The trials that earlier revisions of the study have scored over all documents, by id.
    ///
    /// # Errors
    /// A folder that cannot be read.
    pub fn known_trials(&self) -> Result<BTreeSet<String>, Error> {
        let mut found = BTreeSet::new();
        for revision in &self.earlier {
            let end = format!(".{}.json", TrialStage::Full);
            let names = revision.store.list(Layout::RESULTS)?;
            found.extend(names.iter().filter_map(|name| name.strip_suffix(&end)).map(str::to_owned));
        }
        Ok(found)
    }

    /// The data sets on which no earlier revision of the study has scored its trials.
    pub fn unknown_sets(&self) -> Vec<String> {
        let metrics = self.manifest.metrics();
        let has = |revision: &Self, set: &Set| {
            let same = |other: &Set| !set.content.is_empty() && other.content == set.content;
            revision.manifest.sets.iter().any(same)
                && metrics.iter().all(|metric| revision.manifest.metrics().contains(metric))
        };
        let unknown = |set: &&Set| !self.earlier.iter().any(|revision| has(revision, set));
        self.manifest.sets.iter().filter(unknown).map(|set| set.label.clone()).collect()
    }

    /// The points over all documents that earlier revisions of the study have scored.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn known_points(&self) -> Result<Vec<Trial>, Error> {
        let mut found: Vec<Trial> = Vec::new();
        for revision in &self.earlier {
            let schedule = Schedule::read(&revision.store)?;
            for (trial, stage) in schedule.trials() {
                let is_scored = stage == TrialStage::Full
                    && trial.point().is_some()
                    && revision.store.path(&Layout::result(&trial.key(stage))).exists();
                if is_scored && found.iter().all(|known| known.id != trial.id) {
                    found.push(trial.clone());
                }
            }
        }
        Ok(found)
    }
}

fn manifest(spec: &Spec) -> Result<Manifest, Error> {
    spec.check_size()?;
    Manifest::of(spec.clone())
}

impl Preview {
    fn new(manifest: Manifest, store: Store) -> Self {
        Self { study: Study { manifest, store, earlier: Vec::new() }, change: Change::New }
    }

    /// Writes it down, where it is not yet. What is there is not changed: a revision that follows another has a folder of its own, which
    /// appears whole.
    ///
    /// # Errors
    /// A folder that cannot be written; another process that was first with another sweep file.
    pub fn write(self) -> Result<Study, Error> {
        let Self { study, change } = self;
        let root = study.store.root().to_owned();
        match change {
            Change::Unchanged => return Ok(study),
            Change::New => return Study::create_from(study.manifest, &root),
            Change::Revised(_) | Change::Rebuilt(_) => {}
        }
        let failed = |error: serde_json::Error| study.store.damaged(Layout::MANIFEST, error.to_string());
        let name = new_name();
        let manifest = serde_json::to_value(&study.manifest).map_err(failed)?;
        let mut records = vec![(Layout::MANIFEST, manifest)];
        let trials = study.known_points()?;
        let added = Layout::generation(EXTEND, 0);
        if !trials.is_empty() {
            let kept = Generation { stage: TrialStage::Full, trials, notes: Vec::new() };
            records.push((&added, serde_json::to_value(kept).map_err(failed)?));
        }
        let part = study.store.part().to_owned();
        if Store::create(&root)?.write_part(&part, &name, &records)? == Written::New {
            return Ok(Study { store: study.store.of_study(&name), ..study });
        }
        // Another process was first.
        let there = Study::open(&root)?;
        let differences = compare::specs(&there.manifest.spec, &study.manifest.spec);
        if differences.is_empty() { Ok(there) } else { Err(mismatch(&there, differences)) }
    }
}
