//! What is done when a search is over: the table, the checkpoints to keep, the next command.

use std::io::IsTerminal as _;
use std::path::Path;

use crate::cli::render;
use crate::escape::shell;
use crate::report::{TableOptions, recommendation, terminal};
use crate::sweep::{
    Analysis, Depth, NoRecommendation, Preference, Study, TrialStage, recommend, recommendation_json, to_json,
};

/// Prints everything that is known of the results, for programs.
pub(super) fn show_json(study: &Study) -> anyhow::Result<()> {
    let full = Analysis::read(study, TrialStage::Full, Depth::Intervals)?;
    let confirmed = Analysis::read(study, TrialStage::Confirm, Depth::Intervals)?;
    render::print_json(&document(study, &full, &confirmed)?)
}

/// The results with the recommendation.
pub(super) fn document(study: &Study, full: &Analysis, confirmed: &Analysis) -> anyhow::Result<serde_json::Value> {
    let found = recommend(study, full, confirmed, &Preference::default())?;
    let mut document = to_json(study, full, Some(confirmed));
    if let Some(fields) = document.as_object_mut() {
        fields.insert("recommendation".to_owned(), recommendation_json(&found));
    }
    Ok(document)
}

/// Shows the results and what to do next.
pub(super) fn show(study: &Study, all: bool) -> anyhow::Result<()> {
    let full = Analysis::read(study, TrialStage::Full, Depth::Tests)?;
    let confirmed = Analysis::read(study, TrialStage::Confirm, Depth::Tests)?;
    let styled = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = terminal(study, &full, TableOptions { all, styled });
    if !confirmed.rows.is_empty() {
        text.gap().add(&terminal(study, &confirmed, TableOptions { all: true, styled }));
    }
    let preference = Preference::default();
    let found = recommend(study, &full, &confirmed, &preference)?;
    if !matches!(found, Err(NoRecommendation::Unfinished)) {
        text.gap();
        for sentence in recommendation(study, &found, &preference) {
            text.line(sentence);
        }
    }
    render::print(text.line(format_args!("next: {}", next(study, &full, &confirmed, found.is_ok()))))
}

/// The command that comes next.
fn next(study: &Study, full: &Analysis, confirmed: &Analysis, has_recommendation: bool) -> String {
    let root = quoted(study.store.root());
    if full.rows.len() + full.failed.len() < full.planned || full.planned == 0 {
        return format!("admix sweep worker {root}");
    }
    if !full.failed.is_empty() {
        return format!("admix sweep retry {root}");
    }
    if study.manifest.spec.report.is_some() && confirmed.rows.len() < confirmed.planned.max(1) {
        return format!("admix sweep confirm {root}");
    }
    if has_recommendation {
        format!("admix sweep pick {root} -o recipe.yaml")
    } else {
        format!("admix sweep report {root} --all")
    }
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    shell(&path.display().to_string())
}
