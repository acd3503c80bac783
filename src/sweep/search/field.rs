//! The points of a race, and which of them are stopped.

use rayon::prelude::*;

use super::history::History;
use super::samples::{Estimate, Scores, Tests};
use crate::sweep::Error;
use crate::sweep::study::{Trial, TrialStage};

/// The chance that the point which all queries recommend is stopped by any of its tests.
const LEVEL: f64 = 0.1;

/// What is less is the way numbers are written.
const ROUNDING: f64 = 1e-9;

/// A point that was scored on all samples so far.
pub(super) struct Racer<'a> {
    pub(super) trial: &'a Trial,
    scores: Scores,
    /// How far it is below each limit on all queries; `None` while it is not scored there.
    full: Option<Vec<f64>>,
    /// Its gain over the reference on the samples.
    gain: f64,
    /// How far it is below each limit on the samples, in standard errors; more than zero is below it.
    shortfalls: Vec<f64>,
    pub(super) stopped: Option<Stopped>,
}

impl Racer<'_> {
    /// Whether it keeps all limits on all queries; `None` while it is not scored there.
    fn keeps(&self) -> Option<bool> {
        self.full.as_ref().map(|full| full.iter().all(|shortfall| *shortfall <= ROUNDING))
    }

    /// The limit that it is nearest to or furthest below, and by how much.
    fn tightest(&self) -> (usize, f64) {
        let all = self.shortfalls.iter().copied().enumerate();
        all.fold((0, f64::NEG_INFINITY), |most, one| if one.1 > most.1 { one } else { most })
    }
}

/// Why a point is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// It breaks a limit.
    Limit,
    /// Another point is better.
    Beaten,
}

/// The points of a race after some steps.
pub(super) struct Field<'a> {
    pub(super) racers: Vec<Racer<'a>>,
    tests: Tests,
    /// The level of a single test.
    level: f64,
}

impl<'a> Field<'a> {
    /// The points after so many steps; `None` where the reference was not scored on the samples.
    pub(super) fn of(
        history: &'a History<'_>,
        reference: &Trial,
        steps: usize,
        comparisons: usize,
    ) -> Result<Option<Self>, Error> {
        let Some(base) = history.sampled_scores(reference, steps)? else { return Ok(None) };
        let tests = Tests::of(history)?;
        // Bonferroni: the point that all queries recommend meets every other point and every limit once in each step.
        let level = LEVEL / (comparisons + steps * tests.limits()).max(1) as f64;
        let stage = TrialStage::Race(steps);
        let mut racers = Vec::new();
        for trial in history.generations.iter().filter(|of| of.stage == stage).flat_map(|of| &of.trials) {
            let scores = history.sampled_scores(trial, steps)?.filter(|_| trial.point().is_some());
            let Some(scores) = scores else { continue };
            racers.push(Racer {
                trial,
                full: history.full_shortfalls(trial, reference)?,
                gain: tests.gain(&scores, &base).value,
                shortfalls: tests.shortfalls(&scores, &base).map(Estimate::in_errors).collect(),
                scores,
                stopped: None,
            });
        }
        let mut field = Self { racers, tests, level };
        let stopped: Vec<Option<Stopped>> = field.racers.par_iter().map(|racer| field.stopped(racer, &base)).collect();
        for (racer, stopped) in field.racers.iter_mut().zip(stopped) {
            racer.stopped = stopped;
        }
        Ok(Some(field))
    }

    fn stopped(&self, racer: &Racer<'_>, base: &Scores) -> Option<Stopped> {
        if racer.full.is_some() {
            return None;
        }
        let breaks = self.tests.shortfalls(&racer.scores, base).any(|shortfall| shortfall.p() < self.level);
        if breaks || self.racers.iter().any(|known| self.breaks_with(known, racer)) {
            return Some(Stopped::Limit);
        }
        let is_beaten = self.tests.gain(base, &racer.scores).p() < self.level
            || self.racers.iter().any(|rival| self.beats(rival, racer));
        is_beaten.then_some(Stopped::Beaten)
    }

    /// Whether a point breaks a limit, by what is known of one that was scored on all queries: that one's shortfall and the
    /// difference between the two. On samples of the documents differences are smaller than on all of them, so that what a point
    /// is better by is not counted on.
    fn breaks_with(&self, known: &Racer<'_>, racer: &Racer<'_>) -> bool {
        let Some(full) = &known.full else { return false };
        let leads = self.tests.leads(&known.scores, &racer.scores);
        leads.zip(full).any(|(lead, shortfall)| {
            let shortfall = if *shortfall > ROUNDING { 0.0 } else { *shortfall };
            lead.plus(shortfall).p() < self.level
        })
    }

    /// Whether one point is certainly a better choice than the other: better on the mean of the objectives, and within the limits
    /// whenever the other is.
    fn beats(&self, one: &Racer<'_>, other: &Racer<'_>) -> bool {
        one.trial.id != other.trial.id
            && one.keeps() != Some(false)
            && self.is_better(one, other)
            && (one.keeps() == Some(true)
                || self.tests.leads(&one.scores, &other.scores).all(|lead| lead.p() < self.level))
    }

    fn is_better(&self, one: &Racer<'_>, other: &Racer<'_>) -> bool {
        self.tests.gain(&one.scores, &other.scores).p() < self.level
    }

    /// The points that may still be recommended and are not scored on everything.
    pub(super) fn open(&self) -> Vec<&Racer<'a>> {
        self.racers.iter().filter(|racer| racer.stopped.is_none() && racer.full.is_none()).collect()
    }

    /// The best of those that keep the limits on all queries.
    pub(super) fn leader(&self) -> Option<&Racer<'a>> {
        let full = self.racers.iter().filter(|racer| racer.keeps() == Some(true));
        full.max_by(|one, other| one.gain.total_cmp(&other.gain))
    }

    /// Where no point is scored on everything, the one that is nearest to the limits.
    pub(super) fn closest(&self) -> Option<&Racer<'a>> {
        let is_any_full = self.racers.iter().any(|racer| racer.full.is_some());
        let closest = self.racers.iter().min_by(|one, other| one.tightest().1.total_cmp(&other.tightest().1));
        closest.filter(|_| !is_any_full)
    }

    /// The open point whose scores on everything are expected to stop most others, and how many; among equals the one that gains
    /// most.
    ///
    /// If it keeps the limits, it stops what is worse on the mean; if not, what is worse on the limit that it breaks.
    pub(super) fn most_telling(&self) -> Option<(&Racer<'a>, f64)> {
        let open = self.open();
        let expected = |racer: &&Racer<'a>| {
            let (limit, shortfall) = racer.tightest();
            let keeps = 0.5 * libm::erfc(shortfall / std::f64::consts::SQRT_2);
            let others = || open.iter().filter(|other| other.trial.id != racer.trial.id);
            let worse = others().filter(|other| self.is_better(racer, other)).count();
            let below = others().filter(|other| {
                let lead = self.tests.lead(limit, &racer.scores, &other.scores);
                lead.p() < self.level
            });
            keeps * worse as f64 + (1.0 - keeps) * below.count() as f64
        };
        let stops: Vec<f64> = open.par_iter().map(expected).collect();
        let order = |one: &(&Racer<'a>, f64), other: &(&Racer<'a>, f64)| {
            one.1.total_cmp(&other.1).then(one.0.gain.total_cmp(&other.0.gain))
        };
        open.iter().copied().zip(stops).max_by(order)
    }
}
