//! What learning gave: the recipe, its scores, and how sure they are.

use std::collections::BTreeMap;

use super::coefficients::{Coefficients, Slot};
use super::error::Error;
use super::merged::{self, Opened};
use super::request::Request;
use super::result::{Agreed, Coefficient, Comparison, Learned};
use super::state::State;
use super::teaching::Teaching;
use super::text;
use crate::eval::{DataSet, Scores, paired};
use crate::progress::Cancel;
use crate::recipe::Recipe;

/// What a run ended with.
pub(super) struct Outcome<'a> {
    pub(super) request: &'a Request,
    pub(super) coefficients: &'a Coefficients,
    pub(super) start: &'a [f64],
    pub(super) state: &'a State,
    /// The scores of the recipe as it was given.
    pub(super) before: Vec<Scores>,
    pub(super) teachings: &'a [Teaching],
    /// How far the recipe as it was given is from agreeing with their models.
    pub(super) agreed: Vec<Option<f64>>,
}

/// How far a merge is from agreeing with models on their held-out texts.
pub(super) fn agreed(
    opened: &Opened,
    teachings: &[Teaching],
    request: &Request,
    cancel: &Cancel,
) -> Result<Vec<Option<f64>>, Error> {
    teachings.iter().map(|teaching| teaching.held_out(opened, request.settings.temperature, cancel)).collect()
}

/// Scores the learned recipe and writes it.
pub(super) fn outcome(of: &Outcome<'_>, report: &[DataSet], slots: &[Slot], cancel: &Cancel) -> Result<Learned, Error> {
    let Outcome { request, coefficients, start, state, .. } = of;
    // More digits than a few hundred pairs can tell.
    let values: Vec<f64> = state.values.iter().map(|value| (value * 1e4).round() / 1e4 + 0.0).collect();
    let plain = text::write(&request.recipe, coefficients, &values, &[]);
    let folder = request.recipe.folder().map(std::path::Path::to_path_buf);
    let recipe = Recipe::parse_in(&plain, "the learned recipe", folder, &BTreeMap::new())?;
    let opened = merged::open(recipe, request, cancel)?;
    let after = opened.score(report, cancel)?;
    let comparisons = comparisons(of, report, &after);
    let mean = mean(of, &after);
    let agreements = agreements(of, &agreed(&opened, of.teachings, request, cancel)?);
    let mut learned = Learned {
        recipe: String::new(),
        coefficients: listed(coefficients, start, &values, slots),
        rounds: state.round,
        validation: state.validation.first().copied().zip(state.validation.get(1).copied()),
        comparisons,
        mean,
        agreements,
        tokens: state.tokens,
        seconds: state.seconds,
        warnings: opened.retriever.warnings().to_vec(),
    };
    learned.recipe = text::write(&request.recipe, coefficients, &values, &comments(of, &learned));
    Ok(learned)
}

fn agreements(of: &Outcome<'_>, after: &[Option<f64>]) -> Vec<Agreed> {
    let agreed = |(teaching, (before, after)): (&Teaching, (&Option<f64>, &Option<f64>))| {
        let (data, model) = (teaching.label.clone(), teaching.model.clone());
        Some(Agreed { data, model, before: (*before)?, after: (*after)? })
    };
    of.teachings.iter().zip(of.agreed.iter().zip(after)).filter_map(agreed).collect()
}

/// The coefficients that some tensor has.
fn listed(coefficients: &Coefficients, start: &[f64], values: &[f64], slots: &[Slot]) -> Vec<Coefficient> {
    let groups = coefficients.groups.names.len().max(1);
    let used = |index: usize| slots.iter().any(|slot| slot.coefficient == index);
    let all = values.iter().zip(start).enumerate().filter(|(index, _)| used(*index));
    all.filter_map(|(index, (value, start))| {
        let axis = coefficients.axis(index)?;
        Some(Coefficient {
            parameter: axis.parameter.name,
            model: axis.model.map(|_| axis.name.clone()),
            group: coefficients.groups.names.get(index % groups).cloned()?,
            start: *start,
            value: *value,
        })
    })
    .collect()
}

fn comparisons(of: &Outcome<'_>, report: &[DataSet], after: &[Scores]) -> Vec<Comparison> {
    let learned_from = of.request.data.len();
    let compare = |(index, (set, (before, after))): (usize, (&DataSet, (&Scores, &Scores)))| {
        let (after, before) = after.paired(before, 0);
        comparison(set.label(), index >= learned_from, &before, &after)
    };
    report.iter().zip(of.before.iter().zip(after)).enumerate().filter_map(compare).collect()
}

fn comparison(data: String, unseen: bool, before: &[f64], after: &[f64]) -> Option<Comparison> {
    let found = paired(before, after)?;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    Some(Comparison {
        data,
        unseen,
        queries: found.queries,
        before: mean(before),
        after: mean(after),
        interval: found.interval,
        p: found.p,
    })
}

/// The comparison of the means over the data sets that were learned from: every query counts by one over the number of its set's.
fn mean(of: &Outcome<'_>, after: &[Scores]) -> Option<Comparison> {
    let sets = of.request.data.len();
    let pairs: Vec<(Vec<f64>, Vec<f64>)> =
        of.before.iter().zip(after).take(sets).map(|(before, after)| after.paired(before, 0)).collect();
    let all: usize = pairs.iter().map(|(after, _)| after.len()).sum();
    let filled = pairs.iter().filter(|(after, _)| !after.is_empty()).count();
    let (mut weighted_after, mut weighted_before) = (Vec::new(), Vec::new());
    for (after, before) in &pairs {
        let weight = all as f64 / (filled.max(1) * after.len().max(1)) as f64;
        weighted_after.extend(after.iter().map(|value| value * weight));
        weighted_before.extend(before.iter().map(|value| value * weight));
    }
    comparison("mean".to_owned(), false, &weighted_before, &weighted_after).filter(|_| filled > 1)
}

/// The comments of the written recipe.
fn comments(of: &Outcome<'_>, learned: &Learned) -> Vec<String> {
    let settings = &of.request.settings;
    let mut lines = vec![format!(
        "Learned by admix {} from {}: {} numbers by {}, seed {}.",
        env!("CARGO_PKG_VERSION"),
        of.request.recipe.origin(),
        learned.coefficients.len(),
        settings.by,
        settings.seed
    )];
    if !learned.comparisons.is_empty() {
        lines.push("nDCG@10 before and after, on queries that were held out:".to_owned());
    }
    for comparison in learned.comparisons.iter().chain(&learned.mean) {
        let Comparison { data, unseen, queries, before, after, p, .. } = comparison;
        let unseen = if *unseen { ", a set that was not learned from" } else { "" };
        lines.push(format!(
            "  {data}: {before:.4} -> {after:.4} ({:+.4}, p {p:.4}, {queries} queries{unseen})",
            after - before
        ));
    }
    if !learned.agreements.is_empty() {
        lines.push(
            "Divergence from each model's own similarities before and after, on texts that were held out:".to_owned(),
        );
    }
    for Agreed { data, model, before, after } in &learned.agreements {
        lines.push(format!("  {model} on {data}: {before:.4} -> {after:.4}"));
    }
    lines
}
