//! Racing: all points are scored on a small sample of the queries, then on a larger one, and what cannot be recommended any more is
//! stopped by paired tests (Maron and Moore's Hoeffding races, F-race). In between and after the samples, points are scored on
//! everything one by one, those first that probably stop most others.

use super::field::{Field, Racer, Stopped};
use super::history::History;
use crate::sweep::Error;
use crate::sweep::study::{Generation, Trial, TrialStage, race_steps};

/// The points that one on everything is expected to stop, or else the next sample is scored first.
const WORTH: f64 = 2.0;

/// As few points as this are scored on everything at once.
const FEW: usize = 2;

pub(super) fn next(history: &History<'_>, points: &[Vec<f64>]) -> Result<Option<Generation>, Error> {
    let baselines = history.baselines()?;
    let queries: Vec<usize> = history.study.manifest.sets.iter().map(|set| set.queries).collect();
    let steps = race_steps(&queries);
    let can_race = steps > 0 && !baselines.is_empty();
    if history.generations.is_empty() {
        return if can_race { full(baselines, Vec::new()) } else { grid(history, baselines, points) };
    }
    // The reference is the first baseline that has scores, as in every table.
    let has_scores = |trial: &&Trial| history.objectives(trial, TrialStage::Full).is_some();
    let Some(reference) = baselines.iter().find(has_scores).filter(|_| can_race) else { return Ok(None) };
    let is_step = |generation: &&Generation| matches!(generation.stage, TrialStage::Race(_));
    let done = history.generations.iter().filter(is_step).count();
    if done == 0 {
        return step(1, reference, history.trials(points)?, Vec::new());
    }
    let Some(field) = Field::of(history, reference, done, steps * points.len())? else { return Ok(None) };
    let is_new = history.generations.last().is_some_and(|last| last.stage == TrialStage::Race(done));
    let notes = if is_new { notes(&field, done) } else { Vec::new() };
    let open = field.open();
    match field.most_telling() {
        // Where every point is stopped, one still says by how much.
        None => field.closest().map_or(Ok(None), |closest| full(trials(&[closest]), notes)),
        Some(_) if open.len() <= FEW => full(trials(&open), notes),
        Some((_, stops)) if done < steps && stops < WORTH => {
            let racers: Vec<&Racer<'_>> = field.leader().into_iter().chain(open).collect();
            step(done + 1, reference, trials(&racers), notes)
        }
        Some((best, _)) => full(trials(&[best]), notes),
    }
}

/// Every point on everything.
fn grid(history: &History<'_>, baselines: Vec<Trial>, points: &[Vec<f64>]) -> Result<Option<Generation>, Error> {
    let note = "a race needs more queries: every point is scored on all of them".to_owned();
    full(baselines.into_iter().chain(history.trials(points)?).collect(), vec![note])
}

#[expect(clippy::unnecessary_wraps, reason = "what a search gives")]
fn full(trials: Vec<Trial>, notes: Vec<String>) -> Result<Option<Generation>, Error> {
    Ok(Some(Generation { stage: TrialStage::Full, trials, notes }))
}

/// A step of the race; the reference is in each.
#[expect(clippy::unnecessary_wraps, reason = "what a search gives")]
fn step(number: usize, reference: &Trial, trials: Vec<Trial>, notes: Vec<String>) -> Result<Option<Generation>, Error> {
    let trials = std::iter::once(reference.clone()).chain(trials).collect();
    Ok(Some(Generation { stage: TrialStage::Race(number), trials, notes }))
}

fn trials(racers: &[&Racer<'_>]) -> Vec<Trial> {
    racers.iter().map(|racer| racer.trial.clone()).collect()
}

/// What is to be said of a step that was just done.
fn notes(field: &Field<'_>, step: usize) -> Vec<String> {
    let count = |why| field.racers.iter().filter(|racer| racer.stopped == Some(why)).count();
    let (limit, beaten) = (count(Stopped::Limit), count(Stopped::Beaten));
    let (stopped, all) = (limit + beaten, field.racers.len());
    if stopped == 0 {
        return Vec::new();
    }
    vec![format!(
        "step {step} of the race stops {stopped} of {all} points: {limit} break a limit, {beaten} are worse than another point"
    )]
}
