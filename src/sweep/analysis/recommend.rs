//! Recommends a point: the best on average among those that harm no direction.
//!
//! A mean hides a direction that collapses, so limits apply to every data set and direction on its own. The point is chosen
//! on the search's queries. Held-out queries can only rule a point out, so that its scores there are not inflated by the
//! choice.

use super::choice::{Choice, Scale};
use super::optimism::{Optimism, Side, mean_error};
use super::pick::objective;
use super::statistics::Strata;
use super::table::{Analysis, Row};
use crate::sweep::Error;
use crate::sweep::file::{Bound, BoundKind};
use crate::sweep::study::{Study, Trial, TrialStage};

/// The share of the reference's score that no direction may lose where the sweep file sets no limit.
pub const LIMIT: f64 = 0.02;

/// Number of standard errors within which two trials cannot be distinguished (two-sided, 5 %).
const UNCERTAIN: f64 = 1.96;
/// Number of standard errors of a difference that is found four times in five: 1.96 for the level, 0.84 for the power.
const FOUND: f64 = 2.8;
/// Smaller differences count as equal.
const EQUAL: f64 = 1e-9;

/// How a point is chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preference {
    /// Limits that override those of the sweep file.
    pub limits: Vec<Bound>,
    /// The weights of objectives; 1 by default.
    pub weights: Vec<(String, f64)>,
    /// What is made as large as possible within the limits.
    pub choice: Choice,
}

/// The change of a point's score on a data set in one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectionChange {
    /// Its name in tables.
    pub name: String,
    /// The point's score.
    pub value: f64,
    /// The reference's score.
    pub reference: f64,
    /// The lowest allowed score.
    pub least: f64,
    /// The 95 % interval of the difference, where it was asked for.
    pub interval: Option<(f64, f64)>,
}

impl DirectionChange {
    /// The difference from the reference.
    pub fn difference(&self) -> f64 {
        self.value - self.reference
    }

    /// The difference as a share of the reference.
    pub fn share(&self) -> f64 {
        if self.reference > 0.0 { self.difference() / self.reference } else { self.difference() }
    }

    fn is_kept(&self) -> bool {
        self.value >= self.least - EQUAL
    }

    /// How far it is above its limit, as a share of the reference.
    fn margin(&self) -> f64 {
        (self.value - self.least) / if self.reference > 0.0 { self.reference } else { 1.0 }
    }
}

/// Another point that might be as good.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// Its label.
    pub label: String,
    /// How much better the chosen point is on average.
    pub difference: f64,
    /// The number of queries that would distinguish them; `None` if they score the same.
    pub queries: Option<usize>,
}

/// A recommendation.
#[derive(Clone, Debug)]
pub struct Recommendation<'a> {
    /// The point, with its scores on held-out queries if it was confirmed there.
    pub row: &'a Row,
    /// The reference on the same queries.
    pub reference: &'a Row,
    /// Whether these scores are on held-out queries.
    pub held_out: bool,
    /// Each direction, the one with the largest loss first.
    pub directions: Vec<DirectionChange>,
    /// The mean gain over the objectives, by which it was chosen.
    pub gain: f64,
    /// Other points within the limits that cannot be distinguished from it, the best first.
    pub near: Vec<Near>,
    /// Number of queries of the search.
    pub queries: usize,
    /// What the search's queries promised and held-out ones gave, where both are known.
    pub optimism: Option<Optimism>,
}

/// Why no point is recommended.
#[derive(Clone, Debug)]
pub enum NoRecommendation<'a> {
    /// No point has results yet, or no baseline has.
    Unfinished,
    /// Every point loses too much on some direction. The closest point, and the direction on which it loses most.
    Limits(&'a Row, DirectionChange),
    /// No point within the limits is better than the reference.
    NoGain(&'a Row),
}

/// The point that a study recommends.
///
/// # Errors
/// A limit or weight of an unknown objective or direction; records that cannot be read.
pub fn recommend<'a>(
    study: &Study,
    full: &'a Analysis,
    confirmed: &'a Analysis,
    preference: &Preference,
) -> Result<Result<Recommendation<'a>, NoRecommendation<'a>>, Error> {
    let limits = Limits::of(study, preference)?;
    let weights = weights(study, preference)?;
    let Some(reference) = full.reference.and_then(|index| full.rows.get(index)) else {
        return Ok(Err(NoRecommendation::Unfinished));
    };
    let points: Vec<&Row> = full.rows.iter().filter(|row| row.trial.point().is_some()).collect();
    let has_confirmed = confirmed.rows.iter().any(|row| row.trial.point().is_some());
    let on_held_out = |row: &Row| {
        let own = confirmed.row(&row.trial.id)?;
        Some((own, confirmed.rows.get(confirmed.reference?)?))
    };
    // Trials without scores on held-out queries cannot be ruled out there.
    let known = |row: &&&Row| !has_confirmed || on_held_out(row).is_some();
    let candidates: Vec<&Row> = points.iter().filter(known).copied().collect();
    if candidates.is_empty() {
        return Ok(Err(NoRecommendation::Unfinished));
    }
    let changes = |row: &Row| {
        let mut changes = limits.changes(study, row, reference);
        if let Some((own, reference)) = on_held_out(row) {
            changes.extend(limits.changes(study, own, reference));
        }
        changes
    };
    let worst = |row: &Row| changes(row).into_iter().min_by(|a, b| a.margin().total_cmp(&b.margin()));
    let keeps = |row: &&Row| changes(row).iter().all(DirectionChange::is_kept) && limits.keeps_means(row, reference);
    let kept: Vec<&Row> = candidates.iter().filter(|row| keeps(row)).copied().collect();
    let scale = Scale::new(preference.choice, &weights, &kept, reference, &limits.least(study, reference));
    let gain = |row: &Row| mean_gain(row, reference, &weights);
    let lowest = |row: &Row| worst(row).map_or(0.0, |change| change.margin());
    let better = |a: &&Row, b: &&Row| {
        let (one, other) = (scale.value(a), scale.value(b));
        if (one - other).abs() > EQUAL { one.total_cmp(&other) } else { lowest(a).total_cmp(&lowest(b)) }
    };
    // Of equal ones the first is chosen; `max_by` returns the last.
    let Some(chosen) = kept.iter().rev().max_by(|a, b| better(a, b)).copied() else {
        let closest = candidates.into_iter().rev().max_by(|a, b| lowest(a).total_cmp(&lowest(b)));
        let found = closest.and_then(|row| Some((row, worst(row)?)));
        return Ok(Err(
            found.map_or(NoRecommendation::Unfinished, |(row, change)| NoRecommendation::Limits(row, change))
        ));
    };
    if gain(chosen) <= EQUAL {
        return Ok(Err(NoRecommendation::NoGain(reference)));
    }
    // Points are near by their mean gains.
    let near = match preference.choice {
        Choice::Mean => near(study, full, chosen, &kept, &weights)?,
        Choice::Knee | Choice::Hypervolume => Vec::new(),
    };
    let (row, base, held_out, stage) = match on_held_out(chosen) {
        Some((row, base)) => (row, base, true, confirmed.stage),
        None => (chosen, reference, false, full.stage),
    };
    let mut directions = limits.changes(study, row, base);
    directions.sort_by(|a, b| a.difference().total_cmp(&b.difference()));
    if let Some(worst) = directions.first_mut() {
        worst.interval = interval(study, row, base, stage, &worst.name)?;
    }
    let queries = study.manifest.sets.iter().map(|set| set.queries).sum();
    let side = |row, reference, stage| Side { row, reference, stage, gain: mean_gain(row, reference, &weights) };
    let sides = [side(chosen, reference, full.stage), side(row, base, stage)];
    let optimism = if held_out { Some(Optimism::of(study, sides, &weights)?) } else { None };
    Ok(Ok(Recommendation { row, reference: base, held_out, directions, gain: gain(chosen), near, queries, optimism }))
}

/// The trials of at most `most` best points within the limits, by the search's queries. Points that held-out queries rule
/// out are replaced by the next ones.
///
/// # Errors
/// As [`recommend`].
pub(in crate::sweep) fn shortlist(
    study: &Study,
    full: &Analysis,
    confirmed: &Analysis,
    preference: &Preference,
    most: usize,
) -> Result<Vec<Trial>, Error> {
    let limits = Limits::of(study, preference)?;
    let weights = weights(study, preference)?;
    let Some(reference) = full.reference.and_then(|index| full.rows.get(index)) else { return Ok(Vec::new()) };
    let keeps = |row: &&Row| {
        limits.changes(study, row, reference).iter().all(DirectionChange::is_kept) && limits.keeps_means(row, reference)
    };
    let base = confirmed.reference.and_then(|index| confirmed.rows.get(index));
    let stands = |row: &&Row| match (confirmed.row(&row.trial.id), base) {
        (Some(own), Some(base)) => {
            limits.changes(study, own, base).iter().all(DirectionChange::is_kept) && limits.keeps_means(own, base)
        }
        _ => true,
    };
    let points = full.rows.iter().filter(|row| row.trial.point().is_some());
    let mut kept: Vec<&Row> = points.filter(keeps).filter(stands).collect();
    kept.sort_by(|a, b| mean_gain(b, reference, &weights).total_cmp(&mean_gain(a, reference, &weights)));
    Ok(kept.into_iter().take(most).map(|row| row.trial.clone()).collect())
}

/// The weighted mean of the objectives' gains.
fn mean_gain(row: &Row, reference: &Row, weights: &[f64]) -> f64 {
    let total: f64 = weights.iter().sum();
    let gains = row.objectives.iter().zip(&reference.objectives).zip(weights);
    gains.map(|((value, base), weight)| (value - base) * weight).sum::<f64>() / total.max(f64::MIN_POSITIVE)
}

fn weights(study: &Study, preference: &Preference) -> Result<Vec<f64>, Error> {
    let names: Vec<&str> = study.manifest.spec.objectives.iter().map(|objective| objective.name.as_str()).collect();
    let mut weights = vec![1.0; names.len()];
    for (name, weight) in &preference.weights {
        let at = objective(study, name)?;
        if let Some(slot) = weights.get_mut(at) {
            *slot = *weight;
        }
    }
    Ok(weights)
}

/// The limits of a study: one for each direction, and those of objectives that are means.
struct Limits {
    /// For each direction that an objective has: its data set's index, its metric, its bound.
    directions: Vec<(usize, String, Bound)>,
    /// Bounds on objectives: index and bound.
    means: Vec<(usize, Bound)>,
}

impl Limits {
    fn of(study: &Study, preference: &Preference) -> Result<Self, Error> {
        let manifest = &study.manifest;
        let given: Vec<Bound> = manifest.spec.limits.iter().chain(&preference.limits).cloned().collect();
        let mut used = vec![false; given.len()];
        let mut directions: Vec<(usize, String, Bound)> = Vec::new();
        let mut means = Vec::new();
        for (index, objective) in manifest.spec.objectives.iter().enumerate() {
            let of_objective = given.iter().rposition(|bound| bound.objective == objective.name);
            let sets = manifest.objectives.get(index).map(Vec::as_slice).unwrap_or_default();
            if let Some(at) = of_objective {
                used[at] = true;
                means.push((index, given[at].clone()));
            }
            for &set in sets {
                let metric = objective.metric.to_string();
                if directions.iter().any(|(known, other, _)| *known == set && *other == metric) {
                    continue;
                }
                let label = manifest.sets.get(set).map_or("", |set| set.label.as_str());
                let own = given.iter().rposition(|bound| bound.objective == label);
                if let Some(at) = own {
                    used[at] = true;
                }
                // Each direction of an objective may lose what the objective may lose; a lowest score is that of the mean.
                let shared =
                    of_objective.filter(|at| !matches!(given[*at].kind, BoundKind::Value(_)) || sets.len() == 1);
                let bound =
                    own.or(shared).map_or_else(|| Bound::share(label.to_owned(), -LIMIT), |at| given[at].clone());
                directions.push((set, metric, bound));
            }
        }
        // Later limits replace earlier ones of the same name.
        let replaced = |at: usize| given[at + 1..].iter().any(|later| later.objective == given[at].objective);
        if let Some(at) = (0..given.len()).find(|at| !used[*at] && !replaced(*at)) {
            let known = manifest.spec.objectives.iter().map(|objective| objective.name.clone());
            let labels = manifest.sets.iter().map(|set| set.label.clone());
            let mut names: Vec<String> = known.chain(labels).collect();
            names.sort();
            names.dedup();
            return Err(Error::usage(
                format!("the study has no objective or direction `{}`", given[at].objective),
                format!("it has {}", names.join(", ")),
            ));
        }
        Ok(Self { directions, means })
    }

    /// The lowest allowed score of each objective: the mean over its data sets, or its own limit where that is higher.
    fn least(&self, study: &Study, reference: &Row) -> Vec<f64> {
        let manifest = &study.manifest;
        let changes = self.changes(study, reference, reference);
        let of_set = |set: usize| {
            let label = manifest.sets.get(set).map(|set| set.label.as_str())?;
            changes.iter().find(|change| change.name == label).map(|change| change.least)
        };
        let of_objective = |(index, sets): (usize, &Vec<usize>)| {
            let found: Vec<f64> = sets.iter().filter_map(|set| of_set(*set)).collect();
            let mean = found.iter().sum::<f64>() / found.len().max(1) as f64;
            let own = self.means.iter().find(|(at, _)| *at == index).map(|(_, bound)| bound);
            let base = reference.objectives.get(index).copied().unwrap_or_default();
            own.map_or(mean, |bound| mean.max(bound.least(base)))
        };
        manifest.objectives.iter().enumerate().map(of_objective).collect()
    }

    /// The changes of a trial on every direction.
    fn changes(&self, study: &Study, row: &Row, reference: &Row) -> Vec<DirectionChange> {
        let value =
            |row: &Row, set: usize, metric: &str| row.result.sets.get(set)?.means.get(metric).copied().flatten();
        let change = |(set, metric, bound): &(usize, String, Bound)| {
            let (own, base) = (value(row, *set, metric)?, value(reference, *set, metric)?);
            let name = study.manifest.sets.get(*set).map_or_else(String::new, |set| set.label.clone());
            Some(DirectionChange { name, value: own, reference: base, least: bound.least(base), interval: None })
        };
        self.directions.iter().filter_map(change).collect()
    }

    fn keeps_means(&self, row: &Row, reference: &Row) -> bool {
        self.means.iter().all(|(index, bound)| {
            let value = |row: &Row| row.objectives.get(*index).copied().unwrap_or(f64::NEG_INFINITY);
            value(row) >= bound.least(value(reference)) - EQUAL
        })
    }
}

/// A limit that a recommended trial keeps: a bound on the mean of some data sets.
#[derive(Clone, Debug)]
pub(in crate::sweep) struct Limit {
    /// The indices of the data sets, each weighing the same.
    pub(in crate::sweep) sets: Vec<usize>,
    /// The place of the metric among those of the study.
    pub(in crate::sweep) metric: usize,
    /// The bound.
    pub(in crate::sweep) bound: Bound,
}

/// The limits that hold where the user prefers nothing.
///
/// # Errors
/// A limit of an objective or direction that there is not.
pub(in crate::sweep) fn limits(study: &Study) -> Result<Vec<Limit>, Error> {
    let manifest = &study.manifest;
    let Limits { directions, means } = Limits::of(study, &Preference::default())?;
    let place =
        |name: &str| manifest.metrics().iter().position(|metric| metric.to_string() == name).unwrap_or_default();
    let of_directions =
        directions.into_iter().map(|(set, metric, bound)| Limit { sets: vec![set], metric: place(&metric), bound });
    let of_means = means.into_iter().filter_map(|(index, bound)| {
        let metric = manifest.spec.objectives.get(index)?.metric.to_string();
        Some(Limit { sets: manifest.objectives.get(index)?.clone(), metric: place(&metric), bound })
    });
    Ok(of_directions.chain(of_means).collect())
}

/// The points within the limits whose mean gain cannot be told from the chosen one's.
fn near(study: &Study, full: &Analysis, chosen: &Row, kept: &[&Row], weights: &[f64]) -> Result<Vec<Near>, Error> {
    let of = |row: &Row| study.manifest.all_strata(&study.store, &row.trial.key(full.stage));
    let own = of(chosen)?;
    let queries: usize = study.manifest.sets.iter().map(|set| set.queries).sum();
    let mut found = Vec::new();
    for row in kept.iter().filter(|row| row.is_first && row.result.weights != chosen.result.weights) {
        let difference = mean_gain(chosen, row, weights);
        let other = of(row)?;
        let Some(error) = mean_error(&own, &other, weights) else { continue };
        if difference <= UNCERTAIN * error {
            #[expect(clippy::cast_sign_loss, reason = "a number of queries")]
            let needed =
                (difference > EQUAL).then(|| (square(FOUND * error / difference) * queries as f64).ceil() as usize);
            found.push(Near { label: row.trial.label.clone(), difference, queries: needed });
        }
    }
    found.sort_by(|a, b| a.difference.total_cmp(&b.difference));
    Ok(found)
}

fn square(value: f64) -> f64 {
    value * value
}

/// The interval of a direction's difference from the reference.
fn interval(
    study: &Study,
    row: &Row,
    reference: &Row,
    stage: TrialStage,
    name: &str,
) -> Result<Option<(f64, f64)>, Error> {
    let manifest = &study.manifest;
    let place = (0..manifest.spec.objectives.len()).find_map(|objective| {
        let sets = manifest.objectives.get(objective)?;
        let at = sets.iter().position(|set| manifest.sets.get(*set).is_some_and(|set| set.label == name))?;
        Some((objective, at))
    });
    let Some((objective, at)) = place else { return Ok(None) };
    let of = |row: &Row| -> Result<Strata, Error> {
        let strata = manifest.all_strata(&study.store, &row.trial.key(stage))?;
        let values = strata.get(objective).and_then(|strata| strata.0.get(at)).cloned();
        Ok(Strata(values.into_iter().collect()))
    };
    Ok(of(row)?.against(&of(reference)?).map(|comparison| comparison.interval))
}
