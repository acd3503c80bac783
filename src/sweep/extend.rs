//! Adds points to a study by hand.

use std::collections::BTreeSet;

use super::Error;
use super::search::points_to_trials;
use super::space::{Axis, Space, is_part_of_one, rounded};
use super::study::{EXTEND, Generation, Schedule, Study, Trial, TrialStage};

/// Adds the points of a grid to a study. Points that it has already are not run again. Returns the number of new ones.
///
/// Variables without an axis take the values that the sweep file gives them. Of variables that sum to 1 all but one are
/// given values, or all of them a step, as the axis `simplex` of one value.
///
/// # Errors
/// A variable that the recipe does not have, values that it does not take, a folder that cannot be written.
pub fn extend(study: &Study, axes: &[Axis]) -> Result<usize, Error> {
    let space = &study.manifest.spec.params;
    let points = new_points(space, axes)?;
    let trials = points_to_trials(study, &points)?;
    let mut schedule = Schedule::read(&study.store)?;
    let known: BTreeSet<String> = schedule
        .trials()
        .into_iter()
        .filter(|(_, stage)| *stage == TrialStage::Full)
        .map(|(trial, _)| trial.id.clone())
        .collect();
    let new: Vec<Trial> = trials.into_iter().filter(|trial| !known.contains(&trial.id)).collect();
    let count = new.len();
    if count > 0 {
        schedule.add(&study.store, EXTEND, &Generation { stage: TrialStage::Full, trials: new, notes: Vec::new() })?;
    }
    Ok(count)
}

/// The name of the axis that sets the step of variables that sum to 1.
const SIMPLEX: &str = "simplex";

/// The most points that are added at once.
const MOST: usize = 20_000;

fn new_points(space: &Space, asked: &[Axis]) -> Result<Vec<Vec<f64>>, Error> {
    let names = space.variables();
    let simplex = space.axes.iter().find(|axis| matches!(axis, Axis::Simplex { .. }));
    for (index, name) in asked.iter().flat_map(Axis::names).enumerate() {
        let is_known = names.contains(&name) || (name == SIMPLEX && simplex.is_some());
        if !is_known {
            let known = names.join(", ");
            return Err(Error::usage(format!("the study has no variable `{name}`"), format!("it has {known}")));
        }
        if asked.iter().flat_map(Axis::names).take(index).any(|before| before == name) {
            return Err(Error::usage(format!("`{name}` is given values twice"), "write all of them in one `-p`"));
        }
    }
    let too_many = || Error::TooManyPoints {
        what: "the grid of new points",
        points: format!("more than {MOST}"),
        limit: format!("{MOST} are the most"),
    };
    let mut points: Vec<Vec<f64>> = vec![Vec::new()];
    for axis in &space.axes {
        let steps = match axis {
            Axis::Simplex { of, step } => shares(of, *step, asked)?,
            Axis::Grouped(grouped) => {
                // All groups have the value that is asked for.
                let asked = asked.iter().find(|asked| asked.names() == [grouped.name.as_str()]);
                let repeated = |points: Vec<Vec<f64>>| points.iter().map(|point| point.repeat(grouped.len())).collect();
                asked.map_or_else(|| axis.grid(MOST), |asked| asked.grid(MOST).map(repeated))
            }
            _ => asked.iter().find(|asked| asked.names() == axis.names()).unwrap_or(axis).grid(MOST),
        };
        let steps = steps.filter(|steps| points.len() * steps.len() <= MOST).ok_or_else(too_many)?;
        points = points
            .iter()
            .flat_map(|point| steps.iter().map(move |step| point.iter().chain(step).copied().collect()))
            .collect();
    }
    Ok(points)
}

/// The points of variables that sum to 1: a lattice of a step of its own, or values of all variables but one, which is
/// the rest; the study's own lattice where nothing is asked for. `None` when there are too many.
fn shares(of: &[String], step: Option<f64>, asked: &[Axis]) -> Result<Option<Vec<Vec<f64>>>, Error> {
    let lattice = |step| Axis::Simplex { of: of.to_vec(), step }.grid(MOST);
    let given = |name: &str| asked.iter().find(|axis| axis.names() == [name]);
    let by_name: Vec<Option<&Axis>> = of.iter().map(|name| given(name)).collect();
    if let Some(axis) = given(SIMPLEX) {
        let steps: Vec<f64> = axis.grid(MOST).unwrap_or_default().concat();
        let [step] = steps[..] else {
            return Err(Error::usage("a simplex is given one step", "as `-p simplex=0.05`"));
        };
        if by_name.iter().any(Option::is_some) {
            let message = format!("a step is given, and values of {} beside it", of.join(", "));
            return Err(Error::usage(message, "give one of the two"));
        }
        if !is_part_of_one(step) {
            let message = format!("the step must be a whole part of 1, such as 0.25 or 0.1, found {step}");
            return Err(Error::usage(message, "as `-p simplex=0.05`"));
        }
        return Ok(lattice(Some(step)));
    }
    let missing: Vec<&str> =
        of.iter().zip(&by_name).filter(|(_, axis)| axis.is_none()).map(|(name, _)| name.as_str()).collect();
    if missing.len() == of.len() {
        return Ok(lattice(step));
    }
    if missing.len() > 1 {
        return Err(Error::usage(
            format!("{} sum to 1, and {} have no values", of.join(", "), missing.join(" and ")),
            "give values of all but one, which is the rest, or a step of all with `-p simplex=0.05`",
        ));
    }
    let mut points: Vec<Vec<f64>> = vec![Vec::new()];
    for axis in by_name {
        // The remainder is computed when the other values are known.
        let Some(steps) = axis.map_or(Some(vec![vec![f64::NAN]]), |axis| axis.grid(MOST)) else { return Ok(None) };
        if points.len() * steps.len() > MOST {
            return Ok(None);
        }
        points = points
            .iter()
            .flat_map(|point| steps.iter().map(move |step| point.iter().chain(step).copied().collect()))
            .collect();
    }
    let whole = |mut point: Vec<f64>| {
        let sum: f64 = point.iter().filter(|value| !value.is_nan()).sum();
        for value in point.iter_mut().filter(|value| value.is_nan()) {
            *value = rounded(1.0 - sum);
        }
        let sums_to_one = (point.iter().sum::<f64>() - 1.0).abs() < 2e-6;
        (sums_to_one && point.iter().all(|value| (0.0..=1.0).contains(value))).then_some(point)
    };
    let points: Vec<Vec<f64>> = points.into_iter().filter_map(whole).collect();
    if points.is_empty() {
        let message = format!("none of these values of {} can sum to 1 with none below 0", of.join(", "));
        return Err(Error::usage(message, "a step of all is given with `-p simplex=0.05`"));
    }
    Ok(Some(points))
}
