//! The first stage of a re-ranking: a retriever that is searched with, or a ranking that was found before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::Args;
use super::args::OWN;
use super::files::file_name;
use super::models::retrieve;
use super::results::{Origin, Results, Scored};
use crate::checkpoint::Checkpoint;
use crate::cli::render::Usage;
use crate::encoder::Options;
use crate::eval::{Candidates, Compat, DataSet, Error, Run, SetScores, evaluate};
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
        let is_run = path.is_file() || path.to_string_lossy().contains(DATA);
        let own = args.reranks_own();
        let found = match (own, is_run) {
            (true, _) => listed(results)?,
            (false, true) => read_runs(path, &results.sets)?,
            (false, false) => search(path, args, results, cancel)?,
        };
        let depth = if own && args.top_k.is_none() { usize::MAX } else { args.top_k() };
        let rules = args.compat.rules();
        let (mut candidates, mut sets) = (Vec::new(), Vec::new());
        for (set, found) in results.sets.iter().zip(found) {
            let positives = args.compat == Compat::St;
            let kept = Candidates::new(set, &found.run, depth, &rules, positives);
            if let Some((query, document)) = kept.unknown(set) {
                let (query, document) = (query.to_owned(), document.to_owned());
                return Err(Error::UnknownDocument { run: found.path, set: set.label(), query, document }.into());
            }
            let run = kept.before(set);
            let scores = evaluate(&set.qrels, &run, &results.metrics, &rules);
            sets.push(SetScores { scores, run, time: found.time, encoding: found.time, tokens: found.tokens });
            candidates.push(kept);
        }
        Ok(Self { candidates, scored: Scored { model: path.to_owned(), first_stage: true, sets } })
    }
}

/// What stands for a data set's name in a run's.
const DATA: &str = "{data}";

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
    let options = Options { max_length: None, ..args.encoder.options() };
    let found = retrieve(args, &checkpoint, results, args.top_k(), &options, cancel).with_context(context)?;
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
        let path = PathBuf::from(pattern.to_string_lossy().replace(DATA, &file_name(&set.label())));
        let run = Run::read(&path)?;
        if !set.queries.iter().any(|query| run.scores.contains_key(&query.id)) {
            return Err(Error::NoQueryOfSet { run: path, set: set.label() });
        }
        Ok(Found { path, run, time: Duration::ZERO, tokens: 0 })
    };
    Ok(sets.iter().map(one).collect::<Result<_, _>>()?)
}
