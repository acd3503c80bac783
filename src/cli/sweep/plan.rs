//! `admix sweep plan`

use std::path::PathBuf;

use serde_json::json;

use super::finish::quoted;
use super::location;
use crate::cli::{args, render, units};
use crate::escape::Page;
use crate::report::duration;
use crate::sweep::{Error, Estimate, History, Mode, Scorer, Study, next, read_records, warnings};

/// Show what a sweep would try and what it costs, and make its study folder
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The cost is measured on one merge and a few texts, on this machine.

Examples:
  admix sweep plan sweep.yaml
  admix sweep plan sweep.yaml --json | jq '.trials | length'")]
pub(super) struct Args {
    /// Sweep file
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,

    /// Folder of the study, in place of the sweep file's `store`
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let parsed = location::read(&args.sweep, args.store.as_ref(), args.json)?;
    let study = Study::create(&parsed)?;
    let mut scorer = Scorer::new(&study, args::level()?)?;
    if !args.json {
        render::warn(&warnings(&study.manifest)?);
    }
    // A machine that plans need not be one that works: it may lack the device.
    let estimate = scorer.estimate();
    let (schedule, results) = read_records(&study)?;
    let first = if schedule.search.is_empty() {
        next(&History { study: &study, generations: &[], results: &results })?
    } else {
        None
    };
    let trials: Vec<(String, String)> = schedule
        .trials()
        .into_iter()
        .map(|(trial, stage)| (trial.label.clone(), stage.to_string()))
        .chain(first.iter().flat_map(|generation| {
            generation.trials.iter().map(|trial| (trial.label.clone(), generation.stage.to_string()))
        }))
        .collect();
    let left = schedule.trials().into_iter().filter(|(trial, stage)| !results.is_settled(&trial.key(*stage))).count()
        + first.as_ref().map_or(0, |generation| generation.trials.len());
    if args.json {
        return render::print_json(&json!({
            "study": study.manifest.spec.study,
            "store": study.store.root().display().to_string(),
            "trials": trials.iter().map(|(label, stage)| json!({"label": label, "stage": stage})).collect::<Vec<_>>(),
            "left": left,
            "estimate": estimate.as_ref().ok(),
            "data": study.manifest.sets,
            "models": study.manifest.models.iter().map(|model| json!({"name": model.name, "hash": model.hash})).collect::<Vec<_>>(),
        }));
    }
    let store = args.store.as_ref().map_or_else(String::new, |store| format!(" --store {}", quoted(store)));
    let next = format!("admix sweep run {}{store}", quoted(&args.sweep));
    render::print(&text(&study, &trials, &cost(estimate.as_ref(), left), &next))
}

/// What the trials that are left cost.
fn cost(estimate: Result<&Estimate, &Error>, left: usize) -> String {
    let estimate = match estimate {
        Ok(estimate) => estimate,
        Err(error) => return format!("not estimated: {error}"),
    };
    let time = |seconds: f64| if seconds < 10.0 { format!("{seconds:.1} s") } else { duration(seconds) };
    format!(
        "a trial merges {} and encodes about {} tokens of {} texts ({:.1e} operations): about {} here, {} of it merging; \
         the {left} that are left about {} with one worker (encoding as measured on {} texts; points that equal a baseline \
         take no time)",
        units::bytes(estimate.merged_bytes),
        units::count(estimate.tokens),
        units::count(estimate.texts as u64),
        estimate.operations,
        time(estimate.seconds()),
        time(estimate.merge),
        time(estimate.seconds() * left as f64),
        estimate.measured,
    )
}

fn text(study: &Study, trials: &[(String, String)], cost: &str, next: &str) -> Page {
    let manifest = &study.manifest;
    let mut out = Page::of(format_args!("{}: {} trials to begin with", manifest.spec.study, trials.len()));
    let names: Vec<&str> = trials.iter().map(|(label, _)| label.as_str()).collect();
    let (shown, more) = names.split_at(names.len().min(30));
    let more = if more.is_empty() { String::new() } else { format!(", … {} more", more.len()) };
    out.line(format_args!("  trials   {}{more}", shown.join(", ")));
    for (objective, sets) in manifest.spec.objectives.iter().zip(&manifest.objectives) {
        let sets: Vec<&str> =
            sets.iter().filter_map(|set| manifest.sets.get(*set)).map(|set| set.label.as_str()).collect();
        out.line(format_args!("  {}  {} over {}", objective.name, objective.metric, sets.join(", ")));
    }
    for set in &manifest.sets {
        let held_out = if set.held_out > 0 { format!(", {} held out", set.held_out) } else { String::new() };
        let (label, queries, documents) = (&set.label, set.queries, set.documents);
        out.line(format_args!("  data     {label}: {queries} queries{held_out}, {documents} documents"));
    }
    out.line(format_args!("  cost     {cost}"));
    let how = match study.store.mode() {
        Mode::Link => "names are taken by link(2)",
        Mode::Exclusive => "names are taken by exclusive files: the file system has no links",
    };
    out.line(format_args!("  store    {}; {how}", study.store.root().display()));
    out.whole(format_args!("next: {next}"));
    out
}
