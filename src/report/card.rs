//! What the model card of a point says: why it was chosen, and its scores.

use super::curve::curve;
use super::scatter::scatter;
use super::svg::{Size, standalone};
use crate::sweep::{Analysis, Error, PerQuery, Row, Strata, Study, TrialStage};
use crate::write::{CardScores, MetricScore, SetScore};

/// The scores of a point on held-out queries if it was confirmed there, else on the search's. `summary` says why it was chosen.
///
/// # Errors
/// Records that cannot be read.
pub fn card_scores(
    study: &Study,
    full: &Analysis,
    confirmed: &Analysis,
    row: &Row,
    summary: Vec<String>,
) -> Result<CardScores, Error> {
    let analysis = if confirmed.row(&row.trial.id).is_some() { confirmed } else { full };
    let own = study.store.per_query(&row.trial.key(analysis.stage))?;
    let reference = analysis.reference.and_then(|index| analysis.rows.get(index));
    let reference = reference.filter(|reference| reference.trial.id != row.trial.id);
    let base = reference.map(|row| study.store.per_query(&row.trial.key(analysis.stage))).transpose()?;
    let sets =
        (0..study.manifest.sets.len()).filter_map(|index| set(study, analysis.stage, index, (&own, base.as_ref())));
    let pick = Some(row.trial.id.as_str());
    let plot = curve(study, analysis, &[analysis], pick, Size::Wide)
        .or_else(|| (study.manifest.objectives.len() > 1).then(|| scatter(study, full, (0, 1), pick, Size::Wide)));
    let queries = match analysis.stage {
        TrialStage::Confirm => "held-out queries, which the choice has not seen",
        _ => "the queries that the point was chosen by",
    };
    Ok(CardScores {
        summary,
        queries: queries.to_owned(),
        reference: reference.map(|row| row.trial.label.clone()),
        sets: sets.collect(),
        languages: languages(study),
        plot: plot.map(|figure| standalone(&figure)),
    })
}

/// The scores on a data set, with their intervals.
fn set(
    study: &Study,
    stage: TrialStage,
    index: usize,
    (own, base): (&PerQuery, Option<&PerQuery>),
) -> Option<SetScore> {
    let spec = &study.manifest.spec;
    let set = study.manifest.sets.get(index)?;
    let source = spec.data.get(set.source)?;
    let values = |from: &PerQuery, at: usize| Some(Strata(vec![from.sets.get(index)?.metrics.get(at)?.clone()]));
    let metric = |(at, metric): (usize, String)| {
        let strata = values(own, at)?;
        let against = base.and_then(|base| strata.against(&values(base, at)?));
        Some(MetricScore {
            metric,
            value: strata.mean()?,
            interval: strata.interval(),
            difference: against.map(|found| (found.difference, found.interval)),
        })
    };
    let metrics = study.manifest.metrics();
    let is_held_out = stage == TrialStage::Confirm;
    let selection = spec.report.as_ref().filter(|_| is_held_out).unwrap_or(&spec.select);
    Some(SetScore {
        label: set.label.clone(),
        name: source.name.clone(),
        hub: hub_name(&source.path),
        direction: set.direction.clone(),
        split: selection.split.clone().or_else(|| set.split.clone()),
        queries: if is_held_out { set.held_out } else { set.queries },
        metrics: metrics.iter().map(ToString::to_string).enumerate().filter_map(metric).collect(),
    })
}

/// The name on the Hub of a data set that lies in its cache.
fn hub_name(path: &std::path::Path) -> Option<String> {
    let parts = path.components().filter_map(|part| part.as_os_str().to_str());
    let name = parts.filter_map(|part| part.strip_prefix("datasets--")).next_back()?;
    Some(name.replace("--", "/"))
}

/// The languages of the data sets' directions, and of those that are named by one: `ko-en` is Korean to English.
fn languages(study: &Study) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for set in &study.manifest.sets {
        let name = study.manifest.spec.data.get(set.source).map(|source| source.name.as_str());
        let Some((from, to)) = set.direction.as_deref().or(name).and_then(|name| name.split_once('-')) else {
            continue;
        };
        let is_code = |code: &str| (2..=3).contains(&code.len()) && code.chars().all(|c| c.is_ascii_lowercase());
        if is_code(from) && is_code(to) {
            for code in [from, to] {
                if !found.iter().any(|known| known == code) {
                    found.push(code.to_owned());
                }
            }
        }
    }
    found
}
