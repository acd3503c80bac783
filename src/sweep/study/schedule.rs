//! Reads the generations of a study.

use std::collections::BTreeSet;

use super::layout::Layout;
use super::open::Study;
use super::records::{Results, UNKNOWN_FILE};
use super::stage::TrialStage;
use super::store::{Store, Written};
use super::trial::{Generation, Trial};
use crate::sweep::Error;

/// The kinds of generations, which name their files.
const KINDS: [&str; 3] = [SEARCH, EXTEND, CONFIRM];

/// Those of the search.
pub(crate) const SEARCH: &str = "gen";

/// Points that were added by hand.
pub(crate) const EXTEND: &str = "extend";

/// Trials that are scored on held-out queries.
pub(crate) const CONFIRM: &str = "confirm";

/// The fault of a result whose trial is in no generation.
pub(crate) const UNPLANNED: &str = "it is the result of a trial that no file of `plan` has";

/// The kind and the number in the name of a generation's file.
pub(crate) fn place_of(name: &str) -> Option<(&'static str, usize)> {
    let (kind, index) = name.strip_suffix(".json")?.split_once('-')?;
    let kind = KINDS.into_iter().find(|known| *known == kind)?;
    let index: usize = index.parse().ok()?;
    (Layout::generation(kind, index) == Layout::entry(Layout::PLAN, name)).then_some((kind, index))
}

/// The results of a study and its generations, which are read after them: what has a result was planned before.
///
/// # Errors
/// A file that cannot be read or is damaged.
pub fn read(study: &Study) -> Result<(Schedule, Results), Error> {
    let results = Results::read(study)?;
    let schedule = Schedule::read(&study.store)?;
    schedule.holds(&study.store, &results)?;
    Ok((schedule, results))
}

/// Reads the generations of a study. Each is a file that is written once.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// Those of the search, in order.
    pub search: Vec<Generation>,
    /// Points that were added by hand.
    pub extensions: Vec<Generation>,
    /// Trials that are scored on held-out queries.
    pub confirmations: Vec<Generation>,
}

impl Schedule {
    /// Reads the generations.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(store: &Store) -> Result<Self, Error> {
        let mut schedule = Self::default();
        schedule.refresh(store)?;
        Ok(schedule)
    }

    /// Reads the generations that are new.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged or is missing before others.
    pub fn refresh(&mut self, store: &Store) -> Result<(), Error> {
        let names = store.list(Layout::PLAN)?;
        for name in &names {
            place_of(name).ok_or_else(|| store.damaged(&Layout::entry(Layout::PLAN, name), UNKNOWN_FILE))?;
        }
        for kind in KINDS {
            let known = self.of_kind_mut(kind);
            let there = names.iter().filter_map(|name| place_of(name)).filter(|(of, _)| *of == kind);
            let end = there.map(|(_, index)| index + 1).max().unwrap_or(0);
            for index in known.len()..end {
                let name = Layout::generation(kind, index);
                let missing = || store.damaged(&name, "it is missing, and later ones are there");
                known.push(store.read_json::<Generation>(&name)?.ok_or_else(missing)?);
            }
        }
        Ok(())
    }

    fn of_kind_mut(&mut self, kind: &str) -> &mut Vec<Generation> {
        match kind {
            SEARCH => &mut self.search,
            EXTEND => &mut self.extensions,
            _ => &mut self.confirmations,
        }
    }

    /// Results of trials that no generation has.
    pub fn unplanned<'a>(&self, results: &'a Results) -> Vec<&'a str> {
        let planned: BTreeSet<String> = self.trials().into_iter().map(|(trial, stage)| trial.key(stage)).collect();
        results.done.keys().filter(|key| !planned.contains(*key)).map(String::as_str).collect()
    }

    /// Checks that every result is of a trial that was planned.
    ///
    /// # Errors
    /// A result of a trial that was not planned, because a generation's file is gone.
    pub fn holds(&self, store: &Store, results: &Results) -> Result<(), Error> {
        self.unplanned(results).first().map_or(Ok(()), |key| Err(store.damaged(&Layout::result(key), UNPLANNED)))
    }

    /// Every generation, in the order in which they are worked on.
    pub fn all(&self) -> impl Iterator<Item = &Generation> {
        self.search.iter().chain(&self.extensions).chain(&self.confirmations)
    }

    /// Every trial with its stage, each once.
    pub fn trials(&self) -> Vec<(&Trial, TrialStage)> {
        let mut seen = BTreeSet::new();
        let each = self.all().flat_map(|generation| generation.trials.iter().map(|trial| (trial, generation.stage)));
        each.filter(|(trial, stage)| seen.insert((trial.id.as_str(), *stage))).collect()
    }

    /// Whether all trials of these generations are settled.
    pub fn is_settled<'a>(generations: impl IntoIterator<Item = &'a Generation>, results: &Results) -> bool {
        let mut generations = generations.into_iter();
        generations
            .all(|generation| generation.trials.iter().all(|trial| results.is_settled(&trial.key(generation.stage))))
    }

    /// Writes the next generation of the search. Every worker computes the same one, and the first worker writes it.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn add_search(&mut self, store: &Store, generation: &Generation) -> Result<Written, Error> {
        let put = store.write_record(&Layout::generation(SEARCH, self.search.len()), generation)?;
        self.refresh(store)?;
        Ok(put)
    }

    /// Writes points that are added by hand, or trials to confirm, under the first free number.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn add(&mut self, store: &Store, kind: &str, generation: &Generation) -> Result<(), Error> {
        loop {
            self.refresh(store)?;
            let known = if kind == "extend" { &self.extensions } else { &self.confirmations };
            if known.contains(generation) {
                return Ok(());
            }
            let name = Layout::generation(kind, known.len());
            if store.write_record(&name, generation)? == Written::New {
                return self.refresh(store);
            }
        }
    }
}
