//! What is done when a search is over: the table, the checkpoints to keep, the next command.

use std::io::IsTerminal as _;
use std::path::Path;

use crate::cli::{output, render, units};
use crate::escape::shell;
use crate::report::{TableOptions, recommendation, terminal};
use crate::sweep::file::SearchMethod;
use crate::sweep::{
    Analysis, Depth, EncodedTokens, Error, History, NoRecommendation, Preference, Results, Schedule, Study, TrialStage,
    next as search_next, read_records, recommend, recommendation_json, to_json,
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
    let mut text = terminal(study, &full, TableOptions { all, styled, columns: render::columns() });
    if !confirmed.rows.is_empty() {
        text.gap().add(&terminal(study, &confirmed, TableOptions { all: true, styled, columns: render::columns() }));
    }
    let preference = Preference::default();
    let found = recommend(study, &full, &confirmed, &preference)?;
    let is_over = !is_racing(study)? && !matches!(found, Err(NoRecommendation::Unfinished));
    if is_over {
        text.gap();
        for sentence in recommendation(study, &found, &preference) {
            text.line(sentence);
        }
    }
    if is_over && study.manifest.spec.search.method == SearchMethod::Racing {
        let tokens = EncodedTokens::of(study, &Results::read(study)?);
        let grid = tokens.grid.map_or_else(String::new, units::count);
        let encoded = units::count(tokens.encoded);
        text.line(format_args!("The race encoded {encoded} tokens; the grid would have encoded {grid}."));
    }
    render::print(text.whole(format_args!("next: {}", next(study, &full, &confirmed, found.is_ok())?)))
}

/// Whether a race is not over: what it has scored on everything is not the best yet.
fn is_racing(study: &Study) -> Result<bool, Error> {
    if study.manifest.spec.search.method != SearchMethod::Racing {
        return Ok(false);
    }
    let (schedule, results) = read_records(study)?;
    let history = History { study, generations: &schedule.search, results: &results };
    Ok(!Schedule::is_settled(&schedule.search, &results) || search_next(&history)?.is_some())
}

/// The command that comes next.
fn next(study: &Study, full: &Analysis, confirmed: &Analysis, has_recommendation: bool) -> Result<String, Error> {
    let root = quoted(study.store.root());
    let is_confirmed = study.manifest.spec.report.is_none() || confirmed.rows.len() >= confirmed.planned.max(1);
    Ok(if full.rows.len() + full.failed.len() < full.planned || full.planned == 0 || is_racing(study)? {
        format!("admix sweep worker {root}")
    } else if !full.failed.is_empty() {
        format!("admix sweep retry {root}")
    } else if !is_confirmed {
        format!("admix sweep confirm {root}")
    } else if has_recommendation {
        let (recipe, folder) = (output::free_name("picked", ".yaml"), output::free_name("merged", ""));
        format!("admix sweep pick {root} -o {recipe} --merge {folder}")
    } else {
        format!("admix sweep report {root} --all")
    })
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    shell(&path.display().to_string())
}
