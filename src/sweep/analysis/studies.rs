//! Several studies side by side, on what they share.

use super::pareto::pareto_front;
use super::recommend::{NoRecommendation, Preference, recommend};
use super::shared::{NotShared, SharedSet, shared, values};
use super::statistics::{Comparison, Strata};
use super::table::{Analysis, Depth, LEVEL, Row};
use crate::eval::holm;
use crate::sweep::Error;
use crate::sweep::study::{Study, TrialStage};

/// Studies side by side.
#[derive(Clone, Debug)]
pub struct StudyComparison {
    /// The studies, in the order in which they were named.
    pub studies: Vec<StudySummary>,
    /// What the recommended points are compared on: the search's queries, or those that are held out.
    pub stage: TrialStage,
    /// The data sets and metrics that all have, on those queries.
    pub shared: Vec<SharedSet>,
    /// Those that some lack.
    pub not_shared: Vec<NotShared>,
    /// Whether all studies compare with the same model.
    pub same_reference: bool,
    /// The recommended points against each other.
    pub tests: Vec<StudyTest>,
    /// The Pareto front of all studies' points together, on the search's queries.
    pub front: Vec<FrontPoint>,
    /// The points from which it was taken.
    pub points: usize,
    /// Methods against methods: by each the study whose recommended point is best.
    pub methods: Vec<MethodSummary>,
}

/// One of several studies.
#[derive(Clone, Debug)]
pub struct StudySummary {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: String,
    /// The merge method of its recipe.
    pub method: String,
    /// Points with results.
    pub points: usize,
    /// Those on its own front.
    pub pareto_optimal: usize,
    /// What it compares with.
    pub reference: Option<String>,
    /// The point that it recommends, or why it does not.
    pub recommended: Result<Chosen, &'static str>,
}

/// A recommended point on what the studies share.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// The trial.
    pub trial: String,
    /// What people call it.
    pub label: String,
    /// The hash of its weights.
    pub weights: String,
    /// Its score on each shared data set.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
}

/// A recommended point against that of another study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyTest {
    /// The study.
    pub study: usize,
    /// The one it is compared with.
    pub against: usize,
    /// The shared data set; the mean over all of them without.
    pub set: Option<usize>,
    /// The comparison.
    pub comparison: Comparison,
    /// The p-value after Holm's correction over all tests.
    pub corrected: f64,
}

impl StudyTest {
    /// Whether the difference is more than chance.
    pub fn is_significant(&self) -> bool {
        self.corrected < LEVEL
    }
}

/// A point of the common front.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontPoint {
    /// The study.
    pub study: usize,
    /// What people call the point.
    pub label: String,
    /// Its score on each shared data set.
    pub values: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// The shared data set on which it loses most against its study's reference, or gains least, and the difference.
    pub worst: Option<(String, f64)>,
}

/// A merge method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodSummary {
    /// Its name.
    pub method: String,
    /// The studies that search with it.
    pub studies: Vec<usize>,
    /// The one whose recommended point is the best on average; `None` where none recommends one.
    pub best: Option<usize>,
    /// Its points on the common front.
    pub pareto_optimal: usize,
}

/// A study with its results.
struct Side<'a> {
    study: &'a Study,
    full: Analysis,
    confirmed: Analysis,
}

/// Compares studies on what they share.
///
/// # Errors
/// Fewer than two studies, studies that share nothing or count by different rules; records that cannot be read.
pub fn compare_studies(studies: &[&Study]) -> Result<StudyComparison, Error> {
    if studies.len() < 2 {
        return Err(Error::usage("one study has nothing to be compared with", "name two studies or more"));
    }
    check_rules(studies)?;
    let side = |study: &&Study| {
        let read = |stage| Analysis::read(study, stage, Depth::Means);
        Ok((read(TrialStage::Full)?, read(TrialStage::Confirm)?))
    };
    let analyses = studies.iter().map(side).collect::<Result<Vec<_>, Error>>()?;
    let sides: Vec<Side<'_>> =
        studies.iter().zip(analyses).map(|(study, (full, confirmed))| Side { study, full, confirmed }).collect();
    let recommended = sides.iter().map(recommended).collect::<Result<Vec<_>, Error>>()?;
    let (on_search, not_shared) = shared(studies, TrialStage::Full)?;
    let (on_held_out, not_held_out) = shared(studies, TrialStage::Confirm)?;
    let all_held_out = recommended.iter().flatten().all(|(_, held_out)| *held_out);
    let is_held_out = all_held_out && recommended.iter().any(Result::is_ok) && !on_held_out.is_empty();
    let (stage, common, not_shared) = if is_held_out {
        (TrialStage::Confirm, on_held_out, not_held_out)
    } else {
        (TrialStage::Full, on_search.clone(), not_shared)
    };
    if common.is_empty() {
        return Err(nothing_shared(studies));
    }
    let mut chosen = Vec::new();
    for (index, (side, found)) in sides.iter().zip(&recommended).enumerate() {
        chosen.push(match found {
            Ok((row, _)) => Ok((*row, values(&common, side.study, index, &row.trial.key(stage))?)),
            Err(reason) => Err(*reason),
        });
    }
    let tests = tests(&chosen);
    let (front, points) = front(&sides, &on_search)?;
    let studies: Vec<StudySummary> =
        sides.iter().zip(&chosen).map(|(side, chosen)| summary(side, chosen)).collect::<Result<_, Error>>()?;
    let methods = methods(&studies, &front);
    let reference =
        |side: &Side<'_>| side.full.reference.and_then(|at| side.full.rows.get(at)).map(|row| row.trial.id.clone());
    let same_reference = sides.windows(2).all(|pair| reference(&pair[0]) == reference(&pair[1]));
    Ok(StudyComparison { studies, stage, shared: common, not_shared, same_reference, tests, front, points, methods })
}

/// Scores that follow different rules are no scores of one metric.
fn check_rules(studies: &[&Study]) -> Result<(), Error> {
    let rules = |study: &Study| study.manifest.spec.scoring.compat.to_string();
    match studies.iter().find(|study| rules(study) != rules(studies[0])) {
        None => Ok(()),
        Some(other) => Err(Error::usage(
            format!(
                "`{}` counts by the rules of {}, and `{}` by those of {}",
                studies[0].store.root().display(),
                rules(studies[0]),
                other.store.root().display(),
                rules(other)
            ),
            "studies can be compared that have the same `compat` in their sweep files",
        )),
    }
}

fn nothing_shared(studies: &[&Study]) -> Error {
    let unknown = studies.iter().find(|study| study.manifest.sets.iter().any(|set| set.content.is_empty()));
    let hint = match unknown {
        Some(study) => format!(
            "`{}` was made by an older admix and does not know what its data sets hold; run its sweep again in another `store:`",
            study.store.root().display()
        ),
        None => "data sets are the same where documents, queries and judgements are; metrics must be the same, too"
            .to_owned(),
    };
    Error::usage("the studies share no data set with the same metric on which all have scores", hint)
}

/// The point that a study recommends, and whether its scores are of held-out queries.
fn recommended<'a>(side: &'a Side<'_>) -> Result<Result<(&'a Row, bool), &'static str>, Error> {
    let found = recommend(side.study, &side.full, &side.confirmed, &Preference::default())?;
    Ok(match found {
        Ok(found) => Ok((found.row, found.held_out)),
        Err(NoRecommendation::Unfinished) => Err("no point has results yet"),
        Err(NoRecommendation::Limits(..)) => Err("every point loses more than is allowed on some direction"),
        Err(NoRecommendation::NoGain(_)) => Err("no point within the limits is better than the reference"),
    })
}

/// The row of a recommended point with its values on what is shared, or why there is none.
type Candidate<'a> = Result<(&'a Row, Vec<Vec<f64>>), &'static str>;

/// Every recommended point against those of the studies before.
fn tests(chosen: &[Candidate<'_>]) -> Vec<StudyTest> {
    let mut found = Vec::new();
    for (study, candidate) in chosen.iter().enumerate() {
        for (against, other) in chosen.iter().enumerate().take(study) {
            let (Ok((row, own)), Ok((base, theirs))) = (candidate, other) else { continue };
            if row.result.weights == base.result.weights {
                continue;
            }
            let mut test = |set: Option<usize>, own: &[Vec<f64>], theirs: &[Vec<f64>]| {
                let comparison = Strata(own.to_vec()).against(&Strata(theirs.to_vec()));
                found.extend(comparison.map(|comparison| StudyTest {
                    study,
                    against,
                    set,
                    comparison,
                    corrected: comparison.p,
                }));
            };
            test(None, own, theirs);
            // The mean of one data set is that data set.
            for set in (0..own.len()).filter(|_| own.len() > 1) {
                test(Some(set), &own[set..=set], &theirs[set..=set]);
            }
        }
    }
    let p: Vec<f64> = found.iter().map(|test| test.comparison.p).collect();
    for (test, corrected) in found.iter_mut().zip(holm(&p)) {
        test.corrected = corrected;
    }
    found
}

/// The front of all points together, the best on average first, and the number of points.
fn front(sides: &[Side<'_>], shared: &[SharedSet]) -> Result<(Vec<FrontPoint>, usize), Error> {
    if shared.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let means = |all: Vec<Vec<f64>>| -> Option<Vec<f64>> {
        all.into_iter().map(|values| Strata(vec![values]).mean()).collect()
    };
    let mut points: Vec<FrontPoint> = Vec::new();
    for (index, side) in sides.iter().enumerate() {
        let of =
            |row: &Row| Ok::<_, Error>(means(values(shared, side.study, index, &row.trial.key(TrialStage::Full))?));
        let reference = side.full.reference.and_then(|at| side.full.rows.get(at)).map(of).transpose()?.flatten();
        for row in side.full.rows.iter().filter(|row| row.trial.point().is_some()) {
            let Some(values) = of(row)? else { continue };
            let worst = reference.as_ref().and_then(|base| {
                let differences = values.iter().zip(base).map(|(value, base)| value - base).enumerate();
                let worst = differences.min_by(|(_, one), (_, other)| one.total_cmp(other));
                worst.map(|(set, difference)| (shared[set].to_string(), difference))
            });
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            points.push(FrontPoint { study: index, label: row.trial.label.clone(), values, mean, worst });
        }
    }
    let count = points.len();
    let on_front = pareto_front(&points.iter().map(|point| point.values.clone()).collect::<Vec<_>>());
    let mut front: Vec<FrontPoint> =
        points.into_iter().zip(on_front).filter(|(_, on_front)| *on_front).map(|(point, _)| point).collect();
    front.sort_by(|one, other| other.mean.total_cmp(&one.mean));
    Ok((front, count))
}

fn summary(side: &Side<'_>, chosen: &Candidate<'_>) -> Result<StudySummary, Error> {
    let spec = &side.study.manifest.spec;
    let middle = spec.params.place(&vec![0.5; spec.params.dimensions()]);
    let recipe = spec.recipe.at(&spec.params.texts(&middle))?;
    let points = || side.full.rows.iter().filter(|row| row.trial.point().is_some());
    let of_chosen = |(row, values): &(&Row, Vec<Vec<f64>>)| {
        let values: Vec<f64> =
            values.iter().map(|values| Strata(vec![values.clone()]).mean().unwrap_or(f64::NAN)).collect();
        Chosen {
            trial: row.trial.id.clone(),
            label: row.trial.label.clone(),
            weights: row.result.weights.clone(),
            mean: values.iter().sum::<f64>() / values.len() as f64,
            values,
        }
    };
    Ok(StudySummary {
        name: spec.study.clone(),
        folder: side.study.store.root().display().to_string(),
        method: recipe.method.name.to_owned(),
        points: points().count(),
        pareto_optimal: points().filter(|row| row.pareto_optimal).count(),
        reference: side.full.reference.and_then(|at| side.full.rows.get(at)).map(|row| row.trial.label.clone()),
        recommended: chosen.as_ref().map(of_chosen).map_err(|reason| *reason),
    })
}

fn methods(studies: &[StudySummary], front: &[FrontPoint]) -> Vec<MethodSummary> {
    let mut found: Vec<MethodSummary> = Vec::new();
    for (index, study) in studies.iter().enumerate() {
        match found.iter_mut().find(|known| known.method == study.method) {
            Some(known) => known.studies.push(index),
            None => found.push(MethodSummary {
                method: study.method.clone(),
                studies: vec![index],
                best: None,
                pareto_optimal: 0,
            }),
        }
    }
    let mean = |index: &usize| studies[*index].recommended.as_ref().map(|chosen| chosen.mean).ok();
    for method in &mut found {
        let recommending = method.studies.iter().filter(|index| mean(index).is_some());
        method.best =
            recommending.copied().max_by(|one, other| mean(one).unwrap_or(0.0).total_cmp(&mean(other).unwrap_or(0.0)));
        method.pareto_optimal = front.iter().filter(|point| method.studies.contains(&point.study)).count();
    }
    found
}
