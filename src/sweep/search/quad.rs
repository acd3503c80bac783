//! Tries a few points, fits a quadratic to each data set, then tries the points that the fits propose. The fits only say
//! where to look: every score that is shown was measured.

use super::history::History;
use super::quadratic::{Quadratic, unknowns};
use super::sobol::unit_points;
use crate::sweep::Error;
use crate::sweep::analysis::Strata;
use crate::sweep::analysis::pareto_front;
use crate::sweep::file::Spec;
use crate::sweep::space::{Axis, Space};
use crate::sweep::study::{Generation, Trial, TrialStage};

/// Number of points that the first and the second fit propose.
const PROPOSALS: [usize; 2] = [4, 2];

/// Number of points at which the fit is evaluated.
const DENSE: usize = 2048;

/// A proposal stays away from what was tried by this share of each range.
const APART: f64 = 0.02;

pub(super) fn next(
    history: &History<'_>,
    grid: &dyn Fn() -> Result<Vec<Vec<f64>>, Error>,
) -> Result<Option<Generation>, Error> {
    let stage = TrialStage::Full;
    let Some(round) = history.generations.len().checked_sub(1) else {
        let points = history.trials(&design(history.spec()))?;
        let trials = history.baselines()?.into_iter().chain(points).collect();
        return Ok(Some(Generation { stage, trials, notes: Vec::new() }));
    };
    let Some(most) = PROPOSALS.get(round).copied() else { return Ok(None) };
    // The generation of the grid is the last one.
    if history.generations.last().is_some_and(|last| round > 0 && last.trials.len() > PROPOSALS[0]) {
        return Ok(None);
    }
    let tried = ScoredPoints::of(history);
    let left = history.spec().budget.trials.map_or(usize::MAX, |trials| trials.saturating_sub(tried.trials.len()));
    match fits(history, &tried)? {
        Ok((fits, note)) => {
            let points = proposals(history, &tried, &fits, most.min(left));
            let trials = history.trials(&points)?;
            Ok((!trials.is_empty()).then(|| Generation { stage, trials, notes: vec![note] }))
        }
        // The fit fails after its proposals were tried, so the search ends.
        Err(_) if round > 0 => Ok(None),
        Err(note) => {
            let known = |trial: &Trial| tried.trials.iter().any(|known| known.id == trial.id);
            let trials: Vec<Trial> =
                history.trials(&grid()?)?.into_iter().filter(|trial| !known(trial)).take(left).collect();
            Ok((!trials.is_empty()).then(|| Generation { stage, trials, notes: vec![note] }))
        }
    }
}

/// The points that are tried first.
fn design(spec: &Spec) -> Vec<Vec<f64>> {
    let (space, dimensions) = (&spec.params, spec.params.dimensions());
    if let [Axis::Simplex { of, .. }] = space.axes.as_slice() {
        let thirds = Axis::Simplex { of: of.clone(), step: Some(1.0 / 3.0) };
        return thirds.grid(usize::MAX >> 1).unwrap_or_default();
    }
    let units: Vec<Vec<f64>> = match dimensions {
        1 => (0..5).map(|step| vec![f64::from(step) / 4.0]).collect(),
        2 => (0..9).map(|at| vec![f64::from(at / 3) / 2.0, f64::from(at % 3) / 2.0]).collect(),
        _ if space.axes.iter().all(|axis| matches!(axis, Axis::Range { .. })) => composite(dimensions),
        _ => unit_points(dimensions, unknowns(dimensions) + 4, Some(spec.search.seed)),
    };
    units.iter().map(|unit| space.place(unit)).collect()
}

/// The corners, the middles of the faces, and the middle.
fn composite(dimensions: usize) -> Vec<Vec<f64>> {
    let corner = |corner: usize| (0..dimensions).map(|bit| f64::from((corner >> bit & 1) as u8)).collect();
    let face = |face: usize| {
        let end = f64::from((face % 2) as u8);
        (0..dimensions).map(|dimension| if dimension == face / 2 { end } else { 0.5 }).collect()
    };
    let corners = (0..1 << dimensions).map(corner);
    corners.chain((0..2 * dimensions).map(face)).chain([vec![0.5; dimensions]]).collect()
}

/// The points with results.
struct ScoredPoints {
    trials: Vec<Trial>,
    units: Vec<Vec<f64>>,
}

impl ScoredPoints {
    fn of(history: &History<'_>) -> Self {
        let mut tried = Self { trials: Vec::new(), units: Vec::new() };
        for trial in history.generations.iter().flat_map(|generation| &generation.trials) {
            if let Some(point) = trial.point()
                && history.objectives(trial, TrialStage::Full).is_some()
                && tried.trials.iter().all(|known| known.id != trial.id)
            {
                tried.units.push(history.spec().params.unit(point));
                tried.trials.push(trial.clone());
            }
        }
        tried
    }
}

/// A fit for each data set of each objective, with notes; the reason if one fails.
#[expect(clippy::type_complexity, reason = "a result of a result")]
fn fits(history: &History<'_>, tried: &ScoredPoints) -> Result<Result<(Vec<Vec<Quadratic>>, String), String>, Error> {
    let strata: Vec<Vec<Strata>> =
        tried.trials.iter().map(|trial| history.strata(trial, TrialStage::Full)).collect::<Result<_, _>>()?;
    let manifest = &history.study.manifest;
    let mut all = Vec::new();
    let (mut largest, mut least) = (0.0_f64, f64::INFINITY);
    for (objective, sets) in manifest.objectives.iter().enumerate() {
        let mut of_objective = Vec::new();
        for (place, set) in sets.iter().enumerate() {
            let label = manifest.sets.get(*set).map_or("", |set| set.label.as_str());
            let of_set: Vec<Strata> = strata
                .iter()
                .map(|trial| {
                    Strata(trial.get(objective).and_then(|strata| strata.0.get(place).cloned()).into_iter().collect())
                })
                .collect();
            let means: Vec<f64> = of_set.iter().filter_map(Strata::mean).collect();
            if means.len() < of_set.len() {
                return Ok(Err(format!("`{label}` has trials without scores: the whole grid is run")));
            }
            let Some(fit) = Quadratic::fit(&tried.units, &means) else {
                return Ok(Err(format!(
                    "{} points do not determine a quadratic fit: the whole grid is run",
                    means.len()
                )));
            };
            // Twice the error from the noise of single points, which 49 of 50 true quadratics stay below.
            let bound = 2.0 * noise(&of_set) / std::f64::consts::SQRT_2 * fit.of_noise;
            if fit.left_out > bound {
                return Ok(Err(format!(
                    "the quadratic fit of `{label}` is off by {:.4} where a point is left out, more than the paired noise \
                     explains ({bound:.4}): the whole grid is run",
                    fit.left_out
                )));
            }
            largest = largest.max(fit.left_out);
            least = least.min(bound);
            of_objective.push(fit);
        }
        all.push(of_objective);
    }
    let note = format!(
        "quadratic fits hold: off by at most {largest:.4} where a point is left out, which paired noise explains (up to {least:.4})"
    );
    Ok(Ok((all, note)))
}

/// The standard error of a difference between two points, over all pairs of neighbours in the order of trying.
fn noise(trials: &[Strata]) -> f64 {
    let errors: Vec<f64> = trials.windows(2).filter_map(|pair| pair[1].error(&pair[0])).collect();
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    if errors.is_empty() { 0.0 } else { (squares / errors.len() as f64).sqrt() }
}

/// Points on the Pareto front of the fits, spread along it and away from points that were tried.
fn proposals(history: &History<'_>, tried: &ScoredPoints, fits: &[Vec<Quadratic>], most: usize) -> Vec<Vec<f64>> {
    let space = &history.spec().params;
    let candidates: Vec<Vec<f64>> = candidates(space);
    let objective = |fits: &Vec<Quadratic>, unit: &[f64]| {
        fits.iter().map(|fit| fit.at(unit)).sum::<f64>() / fits.len().max(1) as f64
    };
    let predicted: Vec<Vec<f64>> =
        candidates.iter().map(|unit| fits.iter().map(|fits| objective(fits, unit)).collect()).collect();
    let mut on_front: Vec<(&Vec<f64>, &Vec<f64>)> = candidates
        .iter()
        .zip(&predicted)
        .zip(pareto_front(&predicted))
        .filter(|(_, on_front)| *on_front)
        .map(|(pair, _)| pair)
        .collect();
    on_front.sort_by(|(_, a), (_, b)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let mut taken: Vec<Vec<f64>> = tried.units.clone();
    let mut points = Vec::new();
    // Spread evenly: the middle of each of `most` parts of the front, then the rest.
    let count = on_front.len();
    let middles = (0..most).map(|part| (2 * part + 1) * count / (2 * most.max(1)));
    for index in middles.chain(0..count) {
        if points.len() >= most {
            break;
        }
        let Some((unit, _)) = on_front.get(index) else { continue };
        let point = space.place(unit);
        let placed = space.unit(&point);
        if taken.iter().all(|known| apart(known, &placed)) {
            taken.push(placed);
            points.push(point);
        }
    }
    points
}

fn apart(one: &[f64], other: &[f64]) -> bool {
    one.iter().zip(other).any(|(a, b)| (a - b).abs() >= APART - 1e-9)
}

/// Points to evaluate: in one dimension every hundredth, in more dimensions a sequence that fills the space.
fn candidates(space: &Space) -> Vec<Vec<f64>> {
    let dimensions = space.dimensions();
    let units: Vec<Vec<f64>> = if dimensions == 1 {
        (0..=100).map(|step| vec![f64::from(step) / 100.0]).collect()
    } else {
        unit_points(dimensions, DENSE, None)
    };
    // With steps, only points that can be tried are evaluated.
    units.iter().map(|unit| space.unit(&space.place(unit))).collect()
}
