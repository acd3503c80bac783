//! What is done when a search is over: the table, the checkpoints to keep, the next command.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::cli::{args, render};
use crate::merge::{self, Access, TILE};
use crate::plan::Plan;
use crate::report::{Shown, recommendation, terminal};
use crate::shown::shell;
use crate::sweep::file::Keep;
use crate::sweep::{Analysis, Depth, Error, NoRecommendation, Preference, Row, Study, TrialStage, recommend};
use crate::write::{self, Request};

/// Shows the results and what to do next.
pub(super) fn show(study: &Study, all: bool) -> anyhow::Result<()> {
    let full = Analysis::read(study, TrialStage::Full, Depth::Tests)?;
    let confirmed = Analysis::read(study, TrialStage::Confirm, Depth::Tests)?;
    let styled = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = terminal(study, &full, Shown { all, styled });
    if !confirmed.rows.is_empty() {
        text.gap().add(&terminal(study, &confirmed, Shown { all: true, styled }));
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

/// Writes the checkpoints that the sweep file keeps.
pub(super) fn keep(study: &Study, which: Keep, cancel: &AtomicBool) -> anyhow::Result<Vec<String>> {
    let analysis = Analysis::read(study, TrialStage::Full, Depth::Means)?;
    let wanted = |row: &&Row| match which {
        Keep::None => false,
        Keep::Front => row.on_front,
        Keep::All => true,
    };
    let mut written = Vec::new();
    for row in analysis.rows.iter().filter(wanted) {
        let out = study.store.path("merged").join(row.trial.label.replace([' ', '/'], "-"));
        if let Some(recipe) = study.manifest.recipe(&row.trial.subject)?
            && !out.exists()
        {
            write_merge(recipe, &out, study, cancel)?;
            written.push(out.display().to_string());
        }
    }
    Ok(written)
}

/// Merges into a folder.
pub(super) fn write_merge(
    recipe: crate::recipe::Recipe,
    out: &Path,
    study: &Study,
    cancel: &AtomicBool,
) -> anyhow::Result<()> {
    let plan = Plan::build(recipe, &study.manifest.plan_options()).map_err(Error::from)?;
    let options = merge::Options {
        threads: 0,
        tile: TILE,
        level: args::level()?,
        access: Access::Read,
        cancel,
        progress: &|_| {},
    };
    write::write(Request { plan: &plan, out, force: false, sync: true }, options)?;
    Ok(())
}
