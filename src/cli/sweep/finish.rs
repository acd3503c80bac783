//! What is done when a search is over: the table, the checkpoints to keep, the next command.

use std::io::IsTerminal as _;
use std::path::Path;

use crate::cli::render;
use crate::report::{Shown, terminal};
use crate::shown::shell;
use crate::sweep::{Analysis, Depth, Stage, Study};

/// Shows the results and what to do next.
pub(super) fn show(study: &Study, all: bool) -> anyhow::Result<()> {
    let full = Analysis::read(study, Stage::Full, Depth::Tests)?;
    let confirmed = Analysis::read(study, Stage::Confirm, Depth::Tests)?;
    let styled = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = terminal(study, &full, Shown { all, styled });
    if !confirmed.rows.is_empty() {
        text.gap().add(&terminal(study, &confirmed, Shown { all: true, styled }));
    }
    render::print(text.line(format_args!("next: {}", next(study, &full, &confirmed))))
}

/// The command that comes next.
fn next(study: &Study, full: &Analysis, confirmed: &Analysis) -> String {
    let root = quoted(study.store.root());
    if full.rows.len() + full.failed.len() < full.planned || full.planned == 0 {
        return format!("admix sweep worker {root}");
    }
    if !full.failed.is_empty() {
        return format!("admix sweep retry {root}");
    }
    if study.frozen.spec.report.is_some() && confirmed.rows.len() < confirmed.planned.max(1) {
        return format!("admix sweep confirm {root}");
    }
    let names: Vec<&str> = study.frozen.spec.objectives.iter().map(|objective| objective.name.as_str()).collect();
    let (keep, max) = (names.first().copied().unwrap_or_default(), names.last().copied().unwrap_or_default());
    let bound = format!("{keep} >= -1%");
    let bound = if shell(keep) == keep { format!("\"{bound}\"") } else { shell(&bound) };
    format!("admix sweep pick {root} --max {} --keep {bound} -o recipe.yaml", shell(max))
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &Path) -> String {
    shell(&path.display().to_string())
}
