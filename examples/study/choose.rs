//! Chooses the setting of a method by the queries that choose: with a sweep, or by scoring recipes that have no variables.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use admix::Cancel;
use admix::kernel::SimdLevel;
use admix::sweep::{self, Analysis, Depth, Lease, Spec, Study, TrialStage};
use serde::{Deserialize, Serialize};

use super::methods::{Knob, Variant};
use super::models::{METRIC, Model, Part, Scorer, with_folders};
use super::{Outcome, say};

/// A setting that was scored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Point {
    /// What tells it from the method's other settings.
    pub(crate) setting: String,
    /// Its recipe, with the models by their names.
    pub(crate) recipe: String,
    /// Its mean over the directions, on the queries that choose.
    pub(crate) mean: f64,
}

/// The settings of a method.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    /// All of them.
    pub(crate) points: Vec<Point>,
    /// Tokens that were encoded.
    pub(crate) tokens: u64,
    /// Seconds for merging and scoring.
    pub(crate) seconds: f64,
}

impl Search {
    /// The setting with the best mean; the first of equal ones.
    pub(crate) fn best(&self) -> Option<&Point> {
        self.points.iter().reduce(|best, point| if point.mean > best.mean { point } else { best })
    }
}

/// Scores so many settings of a method.
pub(crate) fn search(scorer: &Scorer<'_>, method: &str, variants: &[Variant], points: usize) -> Outcome<Search> {
    let mut found = Search::default();
    let each = (points / variants.len().max(1)).max(1);
    for (number, variant) in variants.iter().enumerate() {
        say(&format!("{}: {method} {}", scorer.suite.name, variant.name));
        if variant.shares.is_empty() && variant.knobs.is_empty() {
            one(scorer, variant, &mut found)?;
        } else {
            sweep_knobs(scorer, &format!("{method}-{}", number + 1), variant, each, &mut found)?;
        }
    }
    Ok(found)
}

/// Scores a recipe without variables.
fn one(scorer: &Scorer<'_>, variant: &Variant, found: &mut Search) -> Outcome<()> {
    let scored = scorer.score(&Model::Merged(variant.recipe.clone()), Part::Select)?;
    let means: Vec<f64> = scored.values.keys().map(|column| scored.mean(column)).collect();
    let mean = means.iter().sum::<f64>() / means.len().max(1) as f64;
    found.points.push(Point { setting: variant.name.clone(), recipe: variant.recipe.clone(), mean });
    found.tokens += scored.tokens;
    found.seconds += scored.seconds;
    Ok(())
}

/// Sweeps the variables of a recipe.
fn sweep_knobs(scorer: &Scorer<'_>, name: &str, variant: &Variant, points: usize, found: &mut Search) -> Outcome<()> {
    let (files, studies) = (scorer.work.join("sweeps"), scorer.work.join("studies"));
    fs::create_dir_all(&files)?;
    let file = files.join(format!("{name}.yaml"));
    fs::write(&file, sweep_file(scorer, name, variant, points))?;
    let mut parsed = Spec::read(&file)?;
    parsed.store = studies.join(name);
    // The models alone are scored once, and not in the study of each method.
    parsed.spec.baselines.clear();
    let study = Study::create(&parsed)?.writable()?;
    let mut evaluator = sweep::Scorer::new(&study, SimdLevel::best())?;
    let never = Cancel::new();
    let options = sweep::Options {
        wall: None,
        max_trials: None,
        lease: Lease::default(),
        poll: Duration::from_secs(1),
        cancel: &never,
        finish: &never,
        search: true,
    };
    sweep::work(&study, &mut evaluator, options, &mut |_| {})?;
    let analysis = Analysis::read(&study, TrialStage::Full, Depth::Means)?;
    let names = study.manifest.spec.params.names();
    for row in &analysis.rows {
        let Some(point) = row.trial.point() else { continue };
        let values: BTreeMap<&str, f64> = names.iter().copied().zip(point.iter().copied()).collect();
        let mean = row.objectives.iter().sum::<f64>() / row.objectives.len().max(1) as f64;
        let (setting, recipe) = (described(variant, &values), filled(&variant.recipe, &values));
        found.points.push(Point { setting, recipe, mean });
        found.tokens += row.result.encoded;
        found.seconds += row.result.timings.total;
    }
    match analysis.failed.first() {
        Some((trial, error)) => Err(format!("{name}: {} failed: {error}", trial.label).into()),
        None => Ok(()),
    }
}

/// The sweep file: one variable takes evenly spaced values, several the points of a Sobol sequence.
fn sweep_file(scorer: &Scorer<'_>, name: &str, variant: &Variant, points: usize) -> String {
    let mut text = format!("study: {name}\nrecipe:\n");
    for line in with_folders(scorer.suite, &variant.recipe).lines() {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("params:\n");
    if !variant.shares.is_empty() {
        let _ = writeln!(text, "  simplex: {{of: [{}]}}", variant.shares.join(", "));
    }
    match variant.knobs.as_slice() {
        [knob] if variant.shares.is_empty() => {
            let _ = writeln!(text, "  {}: {:?}", knob.name, spaced(*knob, points));
        }
        knobs => {
            for Knob { name, min, max } in knobs {
                let _ = writeln!(text, "  {name}: {{min: {min}, max: {max}}}");
            }
            let _ = writeln!(text, "search: {{method: sobol, seed: 1}}\nbudget: {{trials: {points}}}");
        }
    }
    text.push_str("data:\n");
    for (name, half) in scorer.halves(Part::Select) {
        let folder = serde_json::Value::from(half.folder.display().to_string());
        let _ = writeln!(text, "  {name}: {{path: {folder}}}");
    }
    text.push_str("objectives:\n");
    for (name, _) in scorer.halves(Part::Select) {
        let _ = writeln!(text, "  {name}: {{metric: {METRIC}, mean: [{name}]}}");
    }
    text
}

/// Values at equal distances, from end to end; the middle where there is one.
fn spaced(knob: Knob, points: usize) -> Vec<f64> {
    let share = |at: usize| if points < 2 { 0.5 } else { at as f64 / (points - 1) as f64 };
    let value = |at| knob.min + share(at) * (knob.max - knob.min);
    (0..points).map(|at| (value(at) * 1e6).round() / 1e6).collect()
}

/// A setting in a few words.
fn described(variant: &Variant, values: &BTreeMap<&str, f64>) -> String {
    let names = variant.shares.iter().copied().chain(variant.knobs.iter().map(|knob| knob.name));
    let knobs = names.filter_map(|name| Some(format!("{name} {}", digits(*values.get(name)?))));
    let named = Some(variant.name.clone()).filter(|name| !name.is_empty());
    named.into_iter().chain(knobs).collect::<Vec<_>>().join(", ")
}

/// A number with three digits.
fn digits(value: f64) -> String {
    let decimals = if value.abs() < 0.01 { 5 } else { 3 };
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A recipe with the values of its variables.
fn filled(recipe: &str, values: &BTreeMap<&str, f64>) -> String {
    values
        .iter()
        .fold(recipe.to_owned(), |text, (name, value)| text.replace(&format!("\"${{{name}}}\""), &value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_reach_both_ends_of_a_range() {
        let knob = Knob { name: "t", min: 0.2, max: 0.8 };
        assert_eq!(spaced(knob, 3), [0.2, 0.5, 0.8]);
        assert_eq!(spaced(knob, 1), [0.5]);
    }
}
