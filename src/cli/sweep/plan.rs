//! `admix sweep plan`

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;

use super::finish::quoted;
use super::location;
use crate::cli::{args, render, units};
use crate::diagnose::Diagnosis;
use crate::escape::Page;
use crate::report::duration;
use crate::sweep::{
    Change, Error, Estimate, History, Preview, Scorer, Study, Trial, TrialStage, Variable, next, read_records, warnings,
};

/// Show what a sweep would try and what it costs; nothing is written
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The cost is measured on one merge and a few texts, on this machine. Where the study is there already and the
sweep file has changed, the plan says what is kept and what is left.

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
    let preview = Study::preview(&parsed)?;
    let study = &preview.study;
    let mut scorer = Scorer::new(study, args::level()?)?;
    if !args.json {
        render::warn(&warnings(&study.manifest)?);
        if study.manifest.spec.report.is_none() {
            render::show(&Diagnosis::warning(NOT_HELD_OUT.to_owned(), None, Some(HOLD_OUT.to_owned())));
        }
    }
    // A machine that plans need not be one that works: it may lack the device.
    let estimate = scorer.estimate();
    let (schedule, results) = read_records(study)?;
    let first =
        if schedule.search.is_empty() { next(&History { study, generations: &[], results: &results })? } else { None };
    let begun = first.iter().flat_map(|generation| generation.trials.iter().map(|trial| (trial, generation.stage)));
    let planned: Vec<(&Trial, TrialStage)> = schedule.trials().into_iter().chain(begun).collect();
    let kept = kept(study, &planned)?;
    let trials: Vec<(String, String)> =
        planned.iter().map(|(trial, stage)| (trial.label.clone(), stage.to_string())).collect();
    let is_left = |(trial, stage): &&(&Trial, TrialStage)| {
        !(results.is_settled(&trial.key(*stage)) || (kept.whole && kept.trials.contains(&trial.id)))
    };
    let left = planned.iter().filter(is_left).count();
    if args.json {
        return render::print_json(&json!({
            "study": study.manifest.spec.study,
            "store": study.store.root().display().to_string(),
            "trials": trials.iter().map(|(label, stage)| json!({"label": label, "stage": stage})).collect::<Vec<_>>(),
            "left": left,
            "kept": kept.trials.len(),
            "held_out": study.manifest.spec.report.is_some(),
            "change": location::change(&preview)?,
            "estimate": estimate.as_ref().ok(),
            "variables": study.manifest.variables().iter().map(|variable| json!({
                "name": variable.name, "numbers": variable.groups,
            })).collect::<Vec<_>>(),
            "data": study.manifest.sets,
            "models": study.manifest.models.iter().map(|model| json!({"name": model.name, "hash": model.hash})).collect::<Vec<_>>(),
        }));
    }
    let store = args.store.as_ref().map_or_else(String::new, |store| format!(" --store {}", quoted(store)));
    let next = format!("admix sweep run {}{store}", quoted(&args.sweep));
    let store = store_line(&preview, &kept)?;
    render::print(&text(study, &trials, &cost(estimate.as_ref(), left), &store, &next))
}

/// What is said where every query chooses.
const NOT_HELD_OUT: &str =
    "no queries are held out: the queries that choose the point are all there is to judge it by, and they flatter it";

/// How queries are held out.
const HOLD_OUT: &str = "write `select: {split: dev}` and `report: {split: test}` in the sweep file, or \
    `select: {part: 1/2}` and `report: {part: 2/2}` where there is one split; it can also be added to a finished study";

/// What earlier revisions of a study have scored of what is planned.
struct Kept {
    /// The trials' ids.
    trials: BTreeSet<String>,
    /// Whether they have scores on every data set.
    whole: bool,
    /// The data sets that they must be scored on.
    sets: Vec<String>,
}

fn kept(study: &Study, planned: &[(&Trial, TrialStage)]) -> anyhow::Result<Kept> {
    let known = study.known_trials()?;
    let is_kept = |(trial, stage): &&(&Trial, TrialStage)| *stage == TrialStage::Full && known.contains(&trial.id);
    let sets = study.unknown_sets();
    let trials = planned.iter().filter(is_kept).map(|(trial, _)| trial.id.clone()).collect();
    Ok(Kept { trials, whole: sets.is_empty(), sets })
}

/// Where the study is, and what it has.
fn store_line(preview: &Preview, kept: &Kept) -> anyhow::Result<String> {
    let root = preview.study.store.root().display();
    let sets = if kept.whole { String::new() } else { format!(" and are scored on {}", kept.sets.join(", ")) };
    Ok(match location::change(preview)? {
        _ if preview.change == Change::New => format!("{root}, which `run` makes"),
        None => format!("{root}, which is there"),
        Some(change) if kept.trials.is_empty() => format!("{root}; {change}"),
        Some(change) => format!("{root}; {change}; {} planned trials have scores{sets}", kept.trials.len()),
    })
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

/// How many numbers are searched, where a variable has a value for each group of tensors.
fn variables(study: &Study) -> Option<String> {
    let params = &study.manifest.spec.params;
    params.grouped().next()?;
    let of_one = |variable: &Variable| {
        let by = params.grouped().find(|grouped| grouped.name == variable.name);
        let by = by.map_or_else(String::new, |grouped| format!(" by {}", grouped.by));
        format!("{} of {}{by}", variable.groups, variable.name)
    };
    let each: Vec<String> = study.manifest.variables().iter().map(of_one).collect();
    Some(format!("  numbers  {} are searched: {}", params.names().len(), each.join(", ")))
}

fn text(study: &Study, trials: &[(String, String)], cost: &str, store: &str, next: &str) -> Page {
    let manifest = &study.manifest;
    let mut out = Page::of(format_args!("{}: {} trials to begin with", manifest.spec.study, trials.len()));
    let names: Vec<&str> = trials.iter().map(|(label, _)| label.as_str()).collect();
    let (shown, more) = names.split_at(names.len().min(30));
    let more = if more.is_empty() { String::new() } else { format!(", … {} more", more.len()) };
    out.line(format_args!("  trials   {}{more}", shown.join(", ")));
    if let Some(line) = variables(study) {
        out.line(line);
    }
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
    out.line(format_args!("  store    {store}"));
    out.whole(format_args!("next: {next}"));
    out
}
