//! Checks the generations of trials.

use std::collections::{BTreeMap, BTreeSet};

use super::state::{Check, Damage};
use crate::sweep::Error;
use crate::sweep::search::{History, next};
use crate::sweep::study::{
    CONFIRM, EXTEND, Generation, Layout, Results, SEARCH, Schedule, Subject, Trial, TrialResult, TrialStage,
    UNKNOWN_FILE, UNPLANNED, place_of,
};

impl Check<'_> {
    /// The generations. They follow from the sweep file and the results, or from the results alone.
    pub(super) fn plan(&mut self) -> Result<(), Error> {
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
}
