//! `admix sweep plan`

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::json;

use super::finish::quoted;
use super::location;
use crate::cli::render;
use crate::sweep::{History, Mode, Results, Schedule, Study, next};

/// Show what a sweep would try, and make its study folder
#[derive(clap::Args, Debug)]
#[command(after_help = "\
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
    let (schedule, results) = (Schedule::read(&study.store)?, Results::read(&study.store)?);
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
    if args.json {
        return render::print_json(&json!({
            "study": study.frozen.spec.study,
            "store": study.store.root().display().to_string(),
            "trials": trials.iter().map(|(label, stage)| json!({"label": label, "stage": stage})).collect::<Vec<_>>(),
            "data": study.frozen.sets,
            "models": study.frozen.models.iter().map(|model| json!({"name": model.name, "hash": model.hash})).collect::<Vec<_>>(),
        }));
    }
    render::print(&text(&study, &trials))
}

fn text(study: &Study, trials: &[(String, String)]) -> String {
    let frozen = &study.frozen;
    let mut out = format!("{}: {} trials to begin with\n", frozen.spec.study, trials.len());
    let names: Vec<&str> = trials.iter().map(|(label, _)| label.as_str()).collect();
    let (shown, more) = names.split_at(names.len().min(30));
    let more = if more.is_empty() { String::new() } else { format!(", … {} more", more.len()) };
    let _ = writeln!(out, "  trials   {}{more}", shown.join(", "));
    for (objective, sets) in frozen.spec.objectives.iter().zip(&frozen.objectives) {
        let sets: Vec<&str> =
            sets.iter().filter_map(|set| frozen.sets.get(*set)).map(|set| set.label.as_str()).collect();
        let _ = writeln!(out, "  {}  {} over {}", objective.name, objective.metric, sets.join(", "));
    }
    for set in &frozen.sets {
        let held_out = if set.held_out > 0 { format!(", {} held out", set.held_out) } else { String::new() };
        let _ =
            writeln!(out, "  data     {}: {} queries{held_out}, {} documents", set.label, set.queries, set.documents);
    }
    let how = match study.store.mode() {
        Mode::Link => "names are taken by link(2)",
        Mode::Exclusive => "names are taken by exclusive files: the file system has no links",
    };
    let _ = writeln!(out, "  store    {}; {how}", study.store.root().display());
    let _ = writeln!(out, "next: admix sweep worker {}", quoted(study.store.root()));
    out
}
