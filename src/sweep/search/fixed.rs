//! Searches points that are known from the start, in one round or in several over growing corpora.

use super::history::History;
use crate::sweep::Error;
use crate::sweep::analysis::Strata;
use crate::sweep::file::Rung;
use crate::sweep::study::{Generation, Trial, TrialStage};

/// The level at which a trial is dropped.
const LEVEL: f64 = 0.05;

pub(super) fn next(history: &History<'_>, points: &[Vec<f64>]) -> Result<Option<Generation>, Error> {
    let rungs = &history.spec().search.rungs;
    let (begun, baselines) = (history.generations.len(), history.baselines()?);
    let generation = |stage, trials, notes| Ok(Some(Generation { stage, trials, notes }));
    if rungs.len() == 1 {
        if begun > 0 {
            return Ok(None);
        }
        let trials = baselines.into_iter().chain(history.trials(points)?).collect();
        return generation(TrialStage::Full, trials, Vec::new());
    }
    // Pools consist of what the parents find, so the parents come first.
    let Some(round) = begun.checked_sub(1) else { return generation(TrialStage::Full, baselines, Vec::new()) };
    let Some(rung) = rungs.get(round) else { return Ok(None) };
    let stage = match rung {
        Rung::Pool(size) => TrialStage::Pool(*size),
        Rung::Full => TrialStage::Full,
    };
    let Some(last) = history.generations.last().filter(|_| round > 0) else {
        return generation(stage, history.trials(points)?, Vec::new());
    };
    let (survivors, dropped) = survivors(history, last)?;
    let notes = match dropped {
        0 => Vec::new(),
        _ => vec![format!(
            "{dropped} of {} trials are worse than a surviving one on every objective and are dropped",
            last.trials.len()
        )],
    };
    generation(stage, survivors, notes)
}

/// The trials of a generation that no surviving one beats on every objective, each in a paired test.
fn survivors(history: &History<'_>, generation: &Generation) -> Result<(Vec<Trial>, usize), Error> {
    let mut scored: Vec<(f64, &Trial, Vec<Strata>)> = Vec::new();
    for trial in &generation.trials {
        if let Some(objectives) = history.objectives(trial, generation.stage) {
            let mean = objectives.iter().sum::<f64>() / objectives.len() as f64;
            scored.push((mean, trial, history.strata(trial, generation.stage)?));
        }
    }
    // The best come first, so a trial that beats another on every objective is before it.
    scored.sort_by(|(a, one, _), (b, other, _)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
    let mut kept: Vec<(&Trial, Vec<Strata>)> = Vec::new();
    for (_, trial, strata) in scored {
        if !kept.iter().any(|(_, better)| beats(better, &strata)) {
            kept.push((trial, strata));
        }
    }
    let survives = |trial: &&Trial| kept.iter().any(|(survivor, _)| survivor.id == trial.id);
    let survivors: Vec<Trial> = generation.trials.iter().filter(survives).cloned().collect();
    let dropped = generation.trials.len() - survivors.len();
    Ok((survivors, dropped))
}

/// Whether one is better than the other on every objective by more than chance.
fn beats(one: &[Strata], other: &[Strata]) -> bool {
    one.iter()
        .zip(other)
        .all(|(one, other)| one.test(other).is_some_and(|(difference, p)| difference > 0.0 && p < LEVEL))
}
