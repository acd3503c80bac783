//! Scores every model on every data set.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;

use super::results::{Results, Scored};
use super::{Args, files, json, table};
use crate::checkpoint::Checkpoint;
use crate::cli::encoding::{set_aside, similarity};
use crate::cli::{progress, render, run};
use crate::encoder::Encoder;
use crate::escape::{line, shell};
use crate::eval::data::{self, Opened};
use crate::eval::{DataSet, DataWarningKind, Metric, RANKING_DEPTH, SetScores, Task, Texts, ranking_depth, score};
use crate::progress::Cancel;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cancel = run::interruption()?;
    let (sets, splits) = read_sets(args)?;
    let folders = args.folders();
    files::check(args, &folders, &sets)?;
    let metrics = args.metrics();
    let baseline = args.baseline.as_ref().and_then(|baseline| folders.iter().position(|folder| folder == baseline));
    // What is wrong with a folder is said before hours are spent on another.
    let checkpoints = folders.iter().map(|folder| Checkpoint::open_with(folder, args.links.links()));
    let checkpoints = checkpoints.collect::<Result<Vec<_>, _>>()?;
    let mut results = Results { metrics, sets, splits, models: Vec::new(), baseline };
    for (folder, checkpoint) in folders.into_iter().zip(&checkpoints) {
        let sets = score_model(args, checkpoint, &results, &cancel)
            .with_context(|| format!("cannot score with `{}`", folder.display()))?;
        results.models.push(Scored { model: folder, sets });
    }
    files::write(args, &results)?;
    if args.json {
        render::print_json(&json::results(&results))?;
    } else {
        render::print(&table::results(&results))?;
    }
    files::unwritten(args, &results.sets)
}

fn read_sets(args: &Args) -> anyhow::Result<(Vec<DataSet>, Vec<Option<String>>)> {
    let options = data::Options { split: args.split.clone(), limit_queries: args.limit_queries };
    let (mut sets, mut splits) = (Vec::new(), Vec::new());
    for folder in &args.data {
        let Opened { sets: found, split, .. } = data::inspect(folder, &options)?;
        for set in found {
            if !args.quiet {
                render::warn(&warnings(folder, &set));
            }
            splits.push(split.clone());
            sets.push(set);
        }
    }
    Ok((sets, splits))
}

/// What is odd, in one sentence. Queries without judgement are the usual thing where a folder has several splits.
fn warnings(folder: &Path, set: &DataSet) -> Option<String> {
    let odd = set.warnings.iter().filter(|odd| odd.kind != DataWarningKind::QueryWithoutJudgement);
    let found: Vec<String> = odd.map(ToString::to_string).collect();
    let folder = shell(&folder.display().to_string());
    let said = format!("`{}`: {}; `admix data {folder}` says more", set.label(), found.join("; "));
    (!found.is_empty()).then_some(said)
}

fn score_model(
    args: &Args,
    checkpoint: &Checkpoint,
    results: &Results,
    cancel: &Cancel,
) -> anyhow::Result<Vec<SetScores>> {
    let settings = checkpoint.settings();
    let prompts = args.prompts.of(settings);
    if !args.quiet {
        render::warn(&args.prompts.warnings(checkpoint));
    }
    let similarity = similarity(checkpoint)?;
    let encoder = Encoder::open(checkpoint, &args.encoder.options())?;
    if !args.quiet {
        render::warn(encoder.warnings());
    }
    let texts = Texts::new(&results.sets, &prompts);
    let depth = depth(args, &results.metrics);
    let task = Task {
        sets: &results.sets,
        texts: &texts,
        tokens: None,
        metrics: &results.metrics,
        rules: args.compat.rules(),
        similarity,
        depth,
    };
    let bar = progress::bar(progress::Counted::Encoding, texts.bytes(), args.quiet || args.json);
    let (begun, mut finished) = (Instant::now(), 0);
    let scored = score(&encoder, &task, &mut |done| {
        finished += done.texts;
        let rate = finished as f64 / begun.elapsed().as_secs_f64().max(1e-9);
        let name = checkpoint.path().display();
        bar.set_message(line(&format!("{finished}/{} texts  {rate:.0} texts/s  {name}", texts.len())));
        bar.inc(done.bytes);
        cancel.flow()
    });
    bar.finish_and_clear();
    set_aside(encoder);
    Ok(scored?)
}

fn depth(args: &Args, metrics: &[Metric]) -> usize {
    let deepest = ranking_depth(metrics);
    if args.run_file.is_some() { deepest.max(RANKING_DEPTH) } else { deepest }
}
