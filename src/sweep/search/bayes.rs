//! Bayesian search for several objectives: each has a model (`surrogate`), and the points that are tried are those that are expected to
//! enlarge the volume under the Pareto front most (`improvement`), among points near the front (`proposals`).

use std::collections::BTreeSet;

use super::coordinates::Coordinates;
use super::history::History;
use super::improvement::Volume;
use super::proposals::{Kind, proposals, step};
use super::random::Draws;
use super::sobol::unit_points;
use super::surrogate::Surrogate;
use crate::sweep::Error;
use crate::sweep::analysis::pareto_front;
use crate::sweep::file::SOBOL_DIMENSIONS;
use crate::sweep::study::{Generation, Trial, TrialStage};

/// The default number of trials.
const TRIALS: usize = 40;

/// Points that are chosen together: few, because later ones know more, and several, for workers side by side.
const TOGETHER: usize = 4;

/// The best proposals, which are improved by small steps, and how often and by how many.
const CLIMBERS: usize = 6;
const ROUNDS: usize = 10;
const STEPS: usize = 10;

/// The size of the first of these steps.
const FIRST_STEP: f64 = 0.4;

pub(super) fn next(history: &History<'_>) -> Result<Option<Generation>, Error> {
    let spec = history.spec();
    let budget = spec.budget.trials.unwrap_or(TRIALS);
    let tried: Vec<&Trial> = history
        .generations
        .iter()
        .flat_map(|generation| &generation.trials)
        .filter(|trial| trial.point().is_some())
        .collect();
    if tried.len() >= budget {
        return Ok(None);
    }
    let coordinates = Coordinates::of(&spec.params);
    let (units, baselines) = if history.generations.is_empty() {
        (first(&coordinates, budget, spec.search.seed), history.baselines()?)
    } else {
        (later(history, &coordinates, &tried, TOGETHER.min(budget - tried.len())), Vec::new())
    };
    let points: Vec<Vec<f64>> = units.iter().map(|unit| spec.params.place(unit)).collect();
    let known: BTreeSet<&str> = tried.iter().map(|trial| trial.id.as_str()).collect();
    let new: Vec<Trial> =
        history.trials(&points)?.into_iter().filter(|trial| !known.contains(trial.id.as_str())).collect();
    if new.is_empty() {
        return Ok(None);
    }
    Ok(Some(Generation {
        stage: TrialStage::Full,
        trials: baselines.into_iter().chain(new).collect(),
        notes: Vec::new(),
    }))
}

/// The first points, evenly spread, in which all groups of a variable have one value.
fn first(coordinates: &Coordinates, budget: usize, seed: u64) -> Vec<Vec<f64>> {
    let variables = coordinates.variables();
    let count = (4 * variables).clamp(TOGETHER, (budget / 3).max(TOGETHER)).min(budget);
    let levels = if variables <= SOBOL_DIMENSIONS {
        unit_points(variables, count, Some(seed))
    } else {
        let mut draws = Draws::new(seed, 0);
        (0..count).map(|_| (0..variables).map(|_| draws.uniform()).collect()).collect()
    };
    levels.iter().map(|levels| coordinates.uniform(levels)).collect()
}

/// The points that are expected to gain most, one after the other: each is chosen as if those before it had the results that are
/// expected of them.
fn later(history: &History<'_>, coordinates: &Coordinates, tried: &[&Trial], count: usize) -> Vec<Vec<f64>> {
    let spec = history.spec();
    let generation = history.generations.len() as u64;
    let mut draws = Draws::new(spec.search.seed, generation);
    let (mut units, mut results) = (Vec::new(), Vec::new());
    for trial in tried {
        if let (Some(point), Some(values)) = (trial.point(), history.objectives(trial, TrialStage::Full)) {
            units.push(spec.params.unit(point));
            results.push(values);
        }
    }
    let objectives = spec.objectives.len();
    let of = |index: usize| -> Vec<f64> { results.iter().filter_map(|values| values.get(index).copied()).collect() };
    let models: Option<Vec<Surrogate<'_>>> =
        (0..objectives).map(|index| Surrogate::fit(coordinates, &units, &of(index))).collect();
    let Some(mut models) = models.filter(|_| units.len() >= 2) else {
        return proposals(coordinates, &[], Kind::Any, &mut draws).into_iter().take(count).collect();
    };
    let mut others: Vec<Vec<f64>> = history
        .generations
        .iter()
        .flat_map(|generation| &generation.trials)
        .filter(|trial| trial.point().is_none())
        .filter_map(|trial| history.objectives(trial, TrialStage::Full))
        .collect();
    let is_optimal = pareto_front(&results);
    let mut front: Vec<Vec<f64>> =
        units.iter().zip(&is_optimal).filter(|(_, is_optimal)| **is_optimal).map(|(unit, _)| unit.clone()).collect();
    others.extend(results.iter().cloned());
    let is_optimal = pareto_front(&others);
    let mut kept = is_optimal.iter();
    others.retain(|_| kept.next() == Some(&true));
    let mut volume = Volume::under(&others, objectives, &mut draws);
    let mut chosen = Vec::new();
    for index in 0..count {
        // Models that have only seen equal values of groups expect nothing of others: half of the points are to show what there is.
        let kind = if index % 2 == 0 { Kind::Any } else { Kind::Apart };
        let unit = best(coordinates, &models, &volume, (&front, kind), &mut draws);
        let expected: Vec<f64> = models.iter().map(|model| model.predict(&unit).0).collect();
        let told: Option<Vec<Surrogate<'_>>> =
            models.iter().zip(&expected).map(|(model, value)| model.with(&unit, *value)).collect();
        models = told.unwrap_or(models);
        volume.add(&expected);
        front.push(unit.clone());
        chosen.push(unit);
    }
    chosen
}

/// The best proposal after a climb of the best ones.
fn best(
    coordinates: &Coordinates,
    models: &[Surrogate<'_>],
    volume: &Volume,
    (front, kind): (&[Vec<f64>], Kind),
    draws: &mut Draws,
) -> Vec<f64> {
    let scored = |unit: Vec<f64>| (volume.expected(models, &unit), unit);
    let mut found: Vec<(f64, Vec<f64>)> = proposals(coordinates, front, kind, draws).into_iter().map(scored).collect();
    found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    found.truncate(CLIMBERS);
    for round in 0..ROUNDS {
        let size = FIRST_STEP * (1.0 - round as f64 / ROUNDS as f64);
        for climber in &mut found {
            for _ in 0..STEPS {
                let (gain, unit) = scored(step(coordinates, &climber.1, size, Kind::Any, draws));
                if gain > climber.0 {
                    *climber = (gain, unit);
                }
            }
        }
    }
    found.into_iter().max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, unit)| unit).unwrap_or_default()
}
