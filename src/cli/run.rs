//! From a recipe to a folder, with progress: what `merge` and `blend` share.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::json;

use super::args::{PlanArgs, RunArgs, level};
use super::progress::{self, Counted};
use super::{render, units};
use crate::checkpoint::Module;
use crate::escape;
use crate::merge;
#[cfg(feature = "eval")]
use crate::merge::LayerSolver;
use crate::plan::Plan;
use crate::progress::Cancel;
use crate::recipe::Recipe;
#[cfg(feature = "eval")]
use crate::regmean::Solver;
use crate::write::{self, Extras, Request};

/// Merges `recipe` into `out` and says what was done.
pub(super) fn run(
    recipe: Recipe,
    out: &Path,
    intermediates: Option<&Path>,
    plan_args: &PlanArgs,
    args: &RunArgs,
) -> anyhow::Result<()> {
    let level = level()?;
    let cancel = interruption()?;
    let plan = Plan::build(recipe, &plan_args.options()?)?;
    if !args.quiet {
        render::warn(&plan.warnings);
    }
    if args.verbose {
        let models = plan.labels();
        render::say(&format!(
            "{} of {} into {} tensors, {} kernels, configuration and tokenizer from {}, settings of use from {}",
            plan.recipe.method.name,
            models.join(", "),
            plan.tensors.len(),
            level.name(),
            models[plan.donor],
            models[plan.settings],
        ));
    }
    let started = Instant::now();
    #[cfg(feature = "eval")]
    let solver = Solver::open(&plan)?;
    #[cfg(feature = "eval")]
    if let Some(solver) = solver.as_ref().filter(|_| !args.quiet) {
        render::warn(solver.warnings());
    }
    let all = plan.all_stages().into_iter().filter(|_| intermediates.is_some()).map(|stage| &stage.plan).chain([&plan]);
    let bar = progress::bar(Counted::Bytes, all.map(merge::work_bytes).fold(0, u64::saturating_add), args.quiet);
    let advance = progress::advance(&bar);
    let options = merge::Options {
        threads: args.threads,
        tile: merge::TILE,
        level,
        access: args.access(),
        cancel: &cancel,
        progress: &advance,
        #[cfg(feature = "eval")]
        solver: solver.as_ref().map(|solver| solver as &dyn LayerSolver),
        #[cfg(not(feature = "eval"))]
        solver: None,
    };
    if let Some(folder) = intermediates {
        for stage in plan.all_stages() {
            let out = folder.join(&stage.name);
            let request = Request { plan: &stage.plan, out: &out, force: args.force, sync: !args.no_sync };
            write::write(request, options)?;
        }
    }
    let request = Request { plan: &plan, out, force: args.force, sync: !args.no_sync };
    let done = write::write_with(request, options, Extras { scores: None, syncing: &|| progress::syncing(&bar) });
    bar.finish_and_clear();
    let outcome = done?;
    let time = started.elapsed();
    if !args.quiet {
        render::warn(&outcome.report.warnings);
        let moved = plan.bytes_read() + outcome.report.bytes_written;
        // They belong to the model, and nothing but their place says so.
        let heads: Vec<&str> = plan.models[plan.settings].heads().iter().map(Module::name).collect();
        if !heads.is_empty() {
            render::say(&format!("heads beside the model are merged too: {}", escape::line(&heads.join(", "))));
        }
        render::say(&format!(
            "merged {} tensors, {} in {} ({}/s) to {}",
            outcome.report.tensors,
            units::bytes(outcome.report.bytes_written),
            units::seconds(time),
            units::bytes(units::rate(moved, time)),
            out.display(),
        ));
    }
    if args.json {
        let originals = plan.originals();
        let adapter =
            |plan: &Plan, model: usize| Some(plan.adapters.get(model)?.as_ref()?.adapter.path().display().to_string());
        render::print_json(&json!({
            "out": out.display().to_string(),
            "method": plan.recipe.method.name,
            "models": originals.iter().map(|(plan, model)| plan.models[*model].path().display().to_string()).collect::<Vec<_>>(),
            "adapters": originals.iter().map(|(plan, model)| adapter(plan, *model)).collect::<Vec<_>>(),
            "tensors": outcome.report.tensors,
            "parameters": plan.tensors.iter().map(|tensor| tensor.elements).sum::<u64>(),
            "dtype": plan.dtype().map(crate::kernel::DType::name),
            "bytes_read": plan.bytes_read(),
            "bytes_written": plan.bytes_written(),
            "files": plan.files.iter().map(|file| file.relative.as_str()).collect::<Vec<_>>(),
            "seconds": time.as_secs_f64(),
            "seed": plan.seed,
            "warnings": plan.warnings.iter().chain(&outcome.report.warnings).collect::<Vec<_>>(),
        }))?;
    }
    Ok(())
}

/// A token that Ctrl-C and a polite kill set. A second Ctrl-C ends the program at once.
pub(super) fn interruption() -> anyhow::Result<Cancel> {
    let cancel = Cancel::new();
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_conditional_shutdown(signal, 130, cancel.flag())
                .context("cannot handle signals")?;
            signal_hook::flag::register(signal, cancel.flag()).context("cannot handle signals")?;
        }
        // A file-size limit then is an error of the write that meets it, and not the end of the program.
        signal_hook::flag::register(SIGXFSZ, Cancel::new().flag()).context("cannot handle signals")?;
    }
    Ok(cancel)
}
