//! The loop of a worker.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::attempt::Attempted;
use super::state::{Ended, Event, Options, Worker};
use crate::sweep::study::{Layout, Owner, Results, Schedule, Study, Subject, Trial, TrialStage, Watch};
use crate::sweep::trial::Evaluator;
use crate::sweep::{Error, search, time_left};

/// The time between clean-ups of what killed workers have left.
const TIDY: Duration = Duration::from_secs(30);

/// Works on a study until nothing is left to do, or until it is told to stop.
///
/// # Errors
/// A folder that cannot be written; an error that would make every trial fail; cancellation.
pub fn work(
    study: &Study,
    evaluator: &mut dyn Evaluator,
    options: Options<'_>,
    on: &mut dyn FnMut(&Event<'_>),
) -> Result<Ended, Error> {
    let worker = Worker {
        study,
        evaluator,
        options,
        on,
        owner: Owner::this(),
        schedule: Schedule::default(),
        results: Results::default(),
        begun: Instant::now(),
        trials: 0,
        announced: 0,
        listed: BTreeSet::new(),
        carrier: None,
        wanted: BTreeMap::new(),
        watch: Watch::default(),
        tidied: None,
    };
    worker.run()
}

/// The result of looking for a trial.
enum Round {
    /// A trial was scored or failed.
    Did,
    /// Other workers are running the remaining trials.
    Others,
    /// Nothing is left.
    Nothing,
    /// The worker stops.
    Stop(Ended),
}

impl Worker<'_> {
    fn run(mut self) -> Result<Ended, Error> {
        let mut waiting = false;
        loop {
            if self.tidied.is_none_or(|at| at.elapsed() >= TIDY) {
                self.study.store.tidy(&mut self.watch);
                self.tidied = Some(Instant::now());
            }
            self.refresh()?;
            match self.look()? {
                Round::Stop(ended) => return Ok(ended),
                Round::Did => waiting = false,
                Round::Nothing => {
                    if !self.advance()? {
                        self.clear()?;
                        return Ok(Ended::Finished);
                    }
                }
                Round::Others => {
                    if !waiting {
                        (self.on)(&Event::Waiting);
                        waiting = true;
                    }
                    self.wait()?;
                }
            }
        }
    }

    fn refresh(&mut self) -> Result<(), Error> {
        // Every result belongs to a trial that was planned before.
        self.results.refresh(self.study)?;
        self.schedule.refresh(&self.study.store)?;
        self.schedule.holds(&self.study.store, &self.results)?;
        for generation in self.schedule.search.iter().skip(self.announced) {
            let (stage, trials) = (generation.stage, generation.trials.len());
            (self.on)(&Event::Generation { stage, trials, notes: &generation.notes });
        }
        self.announced = self.schedule.search.len();
        Ok(())
    }

    /// Begins the first trial that no worker has.
    fn look(&mut self) -> Result<Round, Error> {
        let trials: Vec<(Trial, TrialStage)> =
            self.schedule.trials().into_iter().map(|(trial, stage)| (trial.clone(), stage)).collect();
        let planned = trials.len();
        let settled = trials.iter().filter(|(trial, stage)| self.results.is_settled(&trial.key(*stage))).count();
        let mut others = false;
        let tops = self.tops_are_known();
        for (trial, stage) in &trials {
            let key = trial.key(*stage);
            if self.results.is_settled(&key) || !(self.options.search || *stage == TrialStage::Confirm) {
                continue;
            }
            if let Some(ended) = self.stop()? {
                return Ok(Round::Stop(ended));
            }
            if matches!(stage, TrialStage::Race(_)) && !tops {
                others = true;
                continue;
            }
            let Some(claim) = self.study.store.claim(&key, &self.owner, self.options.lease, &mut self.watch)? else {
                others = true;
                continue;
            };
            // Another worker may have finished the trial between reading the results and this claim.
            self.results.refresh(self.study)?;
            if self.results.is_settled(&key) {
                continue;
            }
            let claims = self.study.store.claims(self.options.lease, &mut self.watch)?;
            let left = time_left(&self.study.manifest, &self.schedule, &self.results, &claims);
            (self.on)(&Event::Begun { trial, stage: *stage, settled, planned, left });
            let attempted = self.attempt(trial, *stage)?;
            drop(claim);
            if attempted == Attempted::Scored {
                self.trials += 1;
            }
            return Ok(Round::Did);
        }
        Ok(if others { Round::Others } else { Round::Nothing })
    }

    /// Whether the parents that a race's samples are made of are settled: one may be scored again beside other workers.
    fn tops_are_known(&self) -> bool {
        let planned = self.schedule.trials();
        let parents = planned
            .iter()
            .filter(|(trial, stage)| *stage == TrialStage::Full && matches!(trial.subject, Subject::Parent(_)));
        parents.into_iter().all(|(trial, stage)| self.results.is_settled(&trial.key(*stage)))
    }

    fn stop(&self) -> Result<Option<Ended>, Error> {
        if self.options.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        if self.options.finish.is_cancelled() {
            return Ok(Some(Ended::Asked));
        }
        if self.options.wall.is_some_and(|wall| self.begun.elapsed() >= wall) {
            return Ok(Some(Ended::Wall));
        }
        Ok(self.options.max_trials.filter(|most| self.trials >= *most).map(|_| Ended::MaxTrials))
    }

    /// Removes claims of workers that were killed between their last record and the end of their claim.
    fn clear(&mut self) -> Result<(), Error> {
        for taken in self.study.store.claims(self.options.lease, &mut self.watch)? {
            let key = &taken.key;
            if self.results.done.contains_key(key) || (taken.is_stale && self.results.is_settled(key)) {
                let _ = std::fs::remove_file(self.study.store.path(&Layout::claim(key)));
            }
        }
        Ok(())
    }

    /// Plans the next generation. Returns false if there is none.
    fn advance(&mut self) -> Result<bool, Error> {
        if !self.options.search {
            return Ok(false);
        }
        let history = search::History { study: self.study, generations: &self.schedule.search, results: &self.results };
        let Some(next) = search::next(&history)? else { return Ok(false) };
        self.schedule.add_search(&self.study.store, &next)?;
        Ok(true)
    }

    fn wait(&self) -> Result<(), Error> {
        let until = Instant::now() + self.options.poll;
        loop {
            if self.options.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.options.finish.is_cancelled() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(50)));
        }
    }
}
