//! Several evolution strategies side by side, each with another weighting of the objectives: it minimises the largest
//! weighted distance from the best value of any trial (Chebyshev). Their states are replayed from the results.

use super::evolution::Evolution;
use super::history::History;
use super::sobol::unit_points;
use crate::sweep::Error;
use crate::sweep::file::Spec;
use crate::sweep::study::{Generation, Subject, Trial, TrialStage};

/// The default number of trials.
const TRIALS: usize = 100;

pub(super) fn next(history: &History<'_>) -> Result<Option<Generation>, Error> {
    let spec = history.spec();
    let budget = spec.budget.trials.unwrap_or(TRIALS);
    let begun: usize = history
        .generations
        .iter()
        .flat_map(|generation| &generation.trials)
        .filter(|trial| trial.point().is_some())
        .count();
    if begun >= budget {
        return Ok(None);
    }
    let mut strategies = strategies(spec);
    for generation in 0..history.generations.len() {
        for (strategy, weights) in &mut strategies {
            let mut ranked = strategy.ask();
            let scale = Scale::of(history, generation + 1);
            let mut scored: Vec<(f64, Vec<f64>)> = Vec::new();
            for unit in ranked.drain(..) {
                let trial = history.study.manifest.trial(Subject::Point(spec.params.place(&unit)))?;
                let distance =
                    history.objectives(&trial, TrialStage::Full).map(|values| scale.distance(&values, weights));
                scored.push((distance.unwrap_or(f64::INFINITY), unit));
            }
            scored.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            let ranked: Vec<Vec<f64>> =
                scored.into_iter().filter(|(distance, _)| distance.is_finite()).map(|(_, unit)| unit).collect();
            strategy.tell(&ranked);
        }
    }
    let points: Vec<Vec<f64>> =
        strategies.iter().flat_map(|(strategy, _)| strategy.ask()).map(|unit| spec.params.place(&unit)).collect();
    let points: Vec<Trial> = history.trials(&points)?.into_iter().take(budget - begun).collect();
    let baselines = if history.generations.is_empty() { history.baselines()? } else { Vec::new() };
    let trials = baselines.into_iter().chain(points).collect();
    Ok(Some(Generation { stage: TrialStage::Full, trials, notes: Vec::new() }))
}

/// A strategy for each weighting.
fn strategies(spec: &Spec) -> Vec<(Evolution, Vec<f64>)> {
    let count = spec.search.scalarisations;
    let seed = |index: usize| spec.search.seed.wrapping_mul(1_000_003).wrapping_add(index as u64);
    let weights = weightings(spec.objectives.len(), count);
    let strategy = |(index, weights)| (Evolution::new(spec.params.dimensions(), seed(index)), weights);
    weights.into_iter().enumerate().map(strategy).collect()
}

/// Weights of the objectives that sum to 1, spread evenly.
fn weightings(objectives: usize, count: usize) -> Vec<Vec<f64>> {
    if objectives == 2 {
        let share = |index: usize| (index as f64 + 1.0) / (count as f64 + 1.0);
        return (0..count).map(|index| vec![share(index), 1.0 - share(index)]).collect();
    }
    let even = vec![1.0 / objectives as f64; objectives];
    let spread = unit_points(objectives.saturating_sub(1), count, None).into_iter().skip(1).map(|mut cuts| {
        cuts.sort_by(f64::total_cmp);
        let ends: Vec<f64> = cuts.iter().copied().chain([1.0]).collect();
        let starts = std::iter::once(0.0).chain(cuts);
        starts.zip(ends).map(|(start, end)| (end - start).max(0.05)).collect()
    });
    std::iter::once(even).chain(spread).take(count).collect()
}

/// The best and the worst of each objective so far.
struct Scale {
    best: Vec<f64>,
    worst: Vec<f64>,
}

impl Scale {
    fn of(history: &History<'_>, generations: usize) -> Self {
        let mut scale = Self { best: Vec::new(), worst: Vec::new() };
        let trials = history.generations.iter().take(generations).flat_map(|generation| &generation.trials);
        for values in trials.filter_map(|trial| history.objectives(trial, TrialStage::Full)) {
            if scale.best.is_empty() {
                (scale.best, scale.worst) = (values.clone(), values);
                continue;
            }
            for ((best, worst), value) in scale.best.iter_mut().zip(&mut scale.worst).zip(values) {
                (*best, *worst) = (best.max(value), worst.min(value));
            }
        }
        scale
    }

    fn distance(&self, values: &[f64], weights: &[f64]) -> f64 {
        let ranges = self.best.iter().zip(&self.worst).zip(values).zip(weights);
        let distances =
            ranges.map(|(((best, worst), value), weight)| weight * (best - value) / (best - worst).max(1e-9));
        let all: Vec<f64> = distances.collect();
        // A small part of the sum breaks ties in favour of the point that is better on other objectives.
        all.iter().copied().fold(0.0, f64::max) + 0.01 * all.iter().sum::<f64>()
    }
}
