//! Scores every model on every data set.

use std::path::Path;

use anyhow::Context as _;

use super::first_stage::FirstStage;
use super::models::{rerank_with, retrieve};
use super::results::{Origin, Results, Scored};
use super::{Args, files, json, table};
use crate::checkpoint::Checkpoint;
use crate::cli::{render, run};
use crate::encoder::CrossEncoder;
use crate::escape::shell;
use crate::eval::data::{self, Opened};
use crate::eval::{DataSet, DataWarningKind, Metric, RANKING_DEPTH, ranking_depth};

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let cancel = run::interruption()?;
    let (sets, origins) = read_sets(args)?;
    let folders = args.folders();
    files::check(args, &folders, &sets)?;
    let metrics = args.metrics();
    // What is wrong with a folder is said before hours are spent on another.
    let checkpoints = folders.iter().map(|folder| Checkpoint::open_with(folder, args.links.links()));
    let checkpoints = checkpoints.collect::<Result<Vec<_>, _>>()?;
    if args.rerank.is_some() {
        for (folder, checkpoint) in folders.iter().zip(&checkpoints) {
            CrossEncoder::check(checkpoint).with_context(|| cannot_score(folder))?;
        }
    }
    let mut results = Results { metrics, sets, origins, models: Vec::new(), baseline: None };
    let first_stage = args.rerank.as_ref().map(|path| FirstStage::find(path, args, &results, &cancel)).transpose()?;
    let candidates = first_stage.map(|stage| {
        results.models.push(stage.scored);
        stage.candidates
    });
    for (folder, checkpoint) in folders.into_iter().zip(&checkpoints) {
        let depth = depth(args, &results.metrics);
        let rankings = candidates.as_ref().map_or_else(
            || retrieve(args, checkpoint, &results, depth, &args.options(), &cancel),
            |candidates| Ok(vec![(None, rerank_with(args, checkpoint, &results, candidates, &cancel)?)]),
        );
        for (retrieval, sets) in rankings.with_context(|| cannot_score(&folder))? {
            results.models.push(Scored { model: folder.clone(), retrieval, first_stage: false, sets });
        }
    }
    let is_baseline = |scored: &Scored| args.baseline.as_ref() == Some(&scored.model);
    results.baseline = results.models.iter().position(is_baseline);
    files::write(args, &results)?;
    if args.json {
        render::print_json(&json::results(&results))?;
    } else {
        render::print(&table::results(&results))?;
    }
    files::unwritten(args, &results.sets)
}

fn read_sets(args: &Args) -> anyhow::Result<(Vec<DataSet>, Vec<Origin>)> {
    let options = data::Options { split: args.split.clone(), limit_queries: args.limit_queries };
    let (mut sets, mut origins) = (Vec::new(), Vec::new());
    for folder in &args.data {
        let Opened { sets: found, split, subsets, top_ranked, located, .. } = data::inspect(folder, &options)?;
        for ((set, subset), top_ranked) in found.into_iter().zip(subsets).zip(top_ranked) {
            if !args.quiet {
                render::warn(&warnings(folder, &set, args.rerank.is_some()));
            }
            origins.push(Origin { split: split.clone(), subset, top_ranked, located: located.clone() });
            sets.push(set);
        }
    }
    Ok((sets, origins))
}

/// What is odd, in one sentence. Queries without judgement are the usual thing where a folder has several splits.
fn warnings(folder: &Path, set: &DataSet, reranks: bool) -> Option<String> {
    let is_usual =
        |kind| kind == DataWarningKind::QueryWithoutJudgement || (reranks && kind == DataWarningKind::TopRanked);
    let odd = set.warnings.iter().filter(|odd| !is_usual(odd.kind));
    let found: Vec<String> = odd.map(ToString::to_string).collect();
    let folder = shell(&folder.display().to_string());
    let said = format!("`{}`: {}; `admix data {folder}` says more", set.label(), found.join("; "));
    (!found.is_empty()).then_some(said)
}

fn cannot_score(folder: &Path) -> String {
    format!("cannot score with `{}`", folder.display())
}

fn depth(args: &Args, metrics: &[Metric]) -> usize {
    let deepest = ranking_depth(metrics);
    if args.run_file.is_some() { deepest.max(RANKING_DEPTH) } else { deepest }
}
