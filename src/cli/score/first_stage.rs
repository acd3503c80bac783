//! The first stage of a re-ranking: a retriever that is searched with, or a ranking that was found before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::Args;
use super::args::OWN;
use super::models::retrieve;
use super::results::{Origin, Results, Scored};
use crate::checkpoint::Checkpoint;
use crate::cli::render::Usage;
use crate::encoder::Options;
use crate::eval::{self, Candidates, DataSet, Run, SetScores, evaluate, is_ranking, ranking_of, read_ranking};
use crate::progress::Cancel;

/// What the first stage found.
pub(super) struct FirstStage {
    /// The candidates of each data set.
    pub(super) candidates: Vec<Candidates>,
    /// The scores of the candidates as the first stage ranks them.
    pub(super) scored: Scored,
}

impl FirstStage {
    /// Searches with the retriever at `path`, or reads the ranking there.
    pub(super) fn find(path: &Path, args: &Args, results: &Results, cancel: &Cancel) -> anyhow::Result<Self> {
        let own = args.reranks_own();
        let found = match (own, is_ranking(path)) {
            (true, _) => listed(results)?,
            (false, true) => read_runs(path, &results.sets)?,
            (false, false) => search(path, args, results, cancel)?,
        };
        let depth = if own && args.top_k.is_none() { usize::MAX } else { args.top_k() };
        let rules = args.compat.rules();
        let (mut candidates, mut sets) = (Vec::new(), Vec::new());
        for (set, found) in results.sets.iter().zip(found) {
            let kept = Candidates::of_ranking(&found.path, set, &found.run, depth, args.compat)?;
            let run = kept.before(set);
            let scores = evaluate(&set.qrels, &run, &results.metrics, &rules);
            sets.push(SetScores { scores, run, time: found.time, encoding: found.time, tokens: found.tokens });
            candidates.push(kept);
        }
        Ok(Self { candidates, scored: Scored { model: path.to_owned(), retrieval: None, first_stage: true, sets } })
    }
}

/// The ranking of one data set.
struct Found {
    path: PathBuf,
    run: Run,
    time: Duration,
    tokens: usize,
}

fn search(path: &Path, args: &Args, results: &Results, cancel: &Cancel) -> anyhow::Result<Vec<Found>> {
    let context = || format!("cannot find what to re-rank with `{}`", path.display());
    let checkpoint = Checkpoint::open_with(path, args.links.links()).with_context(context)?;
    // The length that is asked for is that of the rerankers' pairs.
    let options = Options { max_length: None, ..args.options() };
    let found = retrieve(args, &checkpoint, results, args.top_k(), &options, cancel).with_context(context)?;
    // Of several kinds the last ranking is that by all of them.
    let found = found.into_iter().next_back().map(|(_, sets)| sets).unwrap_or_default();
    let one = |SetScores { run, time, tokens, .. }| Found { path: path.to_owned(), run, time, tokens };
    Ok(found.into_iter().map(one).collect())
}

/// The documents that the data sets list for each query.
fn listed(results: &Results) -> anyhow::Result<Vec<Found>> {
    let one = |(set, origin): (&DataSet, &Origin)| {
        if !set.queries.iter().any(|query| origin.top_ranked.contains_key(&query.id)) {
            return Err(Usage::with_hint(
                format!("`{}` lists no documents to re-rank", set.label()),
                "`--rerank` takes a retriever's folder or a TREC run; MTEB's reranking tasks have a table `top_ranked`",
            ));
        }
        Ok(Found { path: PathBuf::from(OWN), run: Run::of_lists(&origin.top_ranked), time: Duration::ZERO, tokens: 0 })
    };
    Ok(results.sets.iter().zip(&results.origins).map(one).collect::<Result<_, _>>()?)
}

fn read_runs(pattern: &Path, sets: &[DataSet]) -> anyhow::Result<Vec<Found>> {
    let one = |set: &DataSet| {
        let run = read_ranking(pattern, set)?;
        Ok(Found { path: ranking_of(pattern, set), run, time: Duration::ZERO, tokens: 0 })
    };
    Ok(sets.iter().map(one).collect::<Result<_, eval::Error>>()?)
}
