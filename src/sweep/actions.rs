//! What people do to a study besides running it: failed trials again, more points, trials on held-out queries.

use std::collections::BTreeSet;

use super::Error;
use super::analysis::{Analysis, Depth};
use super::search::points_to_trials;
use super::spec::{Axis, Space};
use super::store::Results;
use super::study::{Generation, Stage, Study, Subject, Trial};
use super::work::Schedule;

/// Makes failed trials be tried again. Gives their labels.
///
/// # Errors
/// A folder that cannot be written.
pub fn retry(study: &Study) -> Result<Vec<String>, Error> {
    let results = Results::read(&study.store)?;
    let mut labels = BTreeSet::new();
    for (key, failures) in &results.failures {
        if results.done.contains_key(key) {
            continue;
        }
        for failure in failures {
            let path = study.store.path(&format!("fail/{key}.{}.json", failure.attempt));
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
            labels.insert(failure.label.clone());
        }
    }
    Ok(labels.into_iter().collect())
}

/// Adds the points of a grid to a study; those that it has already are not done again. Gives the number of new ones.
///
/// Variables without an axis take every value that the study's trials have for them.
///
/// # Errors
/// A variable that the recipe does not have, values that it does not take, a folder that cannot be written.
pub fn extend(study: &Study, axes: &[Axis]) -> Result<usize, Error> {
    let space = &study.frozen.spec.params;
    let points = new_points(space, axes)?;
    let trials = points_to_trials(study, &points)?;
    let mut schedule = Schedule::read(&study.store)?;
    let known: BTreeSet<String> = schedule
        .trials()
        .into_iter()
        .filter(|(_, stage)| *stage == Stage::Full)
        .map(|(trial, _)| trial.id.clone())
        .collect();
    let new: Vec<Trial> = trials.into_iter().filter(|trial| !known.contains(&trial.id)).collect();
    let count = new.len();
    if count > 0 {
        schedule.add(&study.store, "extend", &Generation { stage: Stage::Full, trials: new, notes: Vec::new() })?;
    }
    Ok(count)
}

fn new_points(space: &Space, axes: &[Axis]) -> Result<Vec<Vec<f64>>, Error> {
    let names = space.names();
    for name in axes.iter().flat_map(Axis::names) {
        if !names.contains(&name) {
            let known = names.join(", ");
            return Err(Error::usage(format!("the study has no variable `{name}`"), format!("it has {known}")));
        }
    }
    if let Some(Axis::Simplex { of, .. }) = space.axes.iter().find(|axis| matches!(axis, Axis::Simplex { .. })) {
        return Err(Error::usage(
            format!("{} sum to 1, and no value of one can be added alone", of.join(", ")),
            "a study with a smaller step reuses nothing of this one, but takes its results as a guide",
        ));
    }
    let axes = space.axes.iter().map(|axis| {
        let asked = axes.iter().find(|asked| asked.names() == axis.names());
        asked.unwrap_or(axis).clone()
    });
    let most = 20_000;
    Space { axes: axes.collect() }.grid(most).ok_or_else(|| Error::TooManyPoints {
        what: "the grid of new points",
        points: format!("more than {most}"),
        limit: format!("{most} are the most"),
    })
}

/// Plans the front and the parents on held-out queries. Gives the trials.
///
/// # Errors
/// A study without held-out queries or without results; a folder that cannot be written.
pub fn confirm(study: &Study) -> Result<Vec<Trial>, Error> {
    if study.frozen.spec.report.is_none() {
        return Err(Error::usage(
            "no queries are held out: the sweep file has no `report`",
            "a sweep file with `select: {split: dev}` and `report: {split: test}`, or with `{part: 1/2}` and `{part: 2/2}`, \
             holds some out; it makes another study",
        ));
    }
    let analysis = Analysis::read(study, Stage::Full, Depth::Means)?;
    if analysis.rows.is_empty() {
        return Err(Error::usage("no trial has results yet", "run `admix sweep run` first"));
    }
    let models = 0..study.frozen.models.len();
    let parents = models.map(|index| study.frozen.trial(Subject::Parent(index))).collect::<Result<Vec<_>, _>>()?;
    let front = analysis.front().map(|row| row.trial.clone());
    let mut trials: Vec<Trial> = Vec::new();
    for trial in parents.into_iter().chain(front) {
        if trials.iter().all(|known| known.id != trial.id) {
            trials.push(trial);
        }
    }
    let generation = Generation { stage: Stage::Confirm, trials: trials.clone(), notes: Vec::new() };
    Schedule::read(&study.store)?.add(&study.store, "confirm", &generation)?;
    Ok(trials)
}
