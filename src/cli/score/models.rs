//! Scores one model: a retriever, or a reranker of what a first stage found.

use std::ops::ControlFlow;
use std::time::Instant;

use super::Args;
use super::results::Results;
use crate::checkpoint::Checkpoint;
use crate::cli::encoding::{set_aside, similarity};
use crate::cli::{progress, render};
use crate::encoder::{CrossEncoder, Options, Retrieval, Retriever};
use crate::escape::line;
use crate::eval::{
    Candidates, EncodingProgress, RerankTask, ScoreError, SetScores, Task, Texts, rerank, score, score_hybrid,
};
use crate::progress::Cancel;

/// A ranking by some kinds of retrieval, which are named where a model has several.
pub(super) type Ranking = (Option<Retrieval>, Vec<SetScores>);

/// Scores a retriever, with the best `depth` documents of each query: by each kind of retrieval that was asked for, and at last by
/// all of them.
pub(super) fn retrieve(
    args: &Args,
    checkpoint: &Checkpoint,
    results: &Results,
    depth: usize,
    options: &Options,
    cancel: &Cancel,
) -> anyhow::Result<Vec<Ranking>> {
    if !args.quiet {
        render::warn(&args.prompts.warnings(checkpoint));
    }
    let similarity = similarity(checkpoint)?;
    let retriever = Retriever::open(checkpoint, options)?;
    if !args.quiet {
        render::warn(retriever.warnings());
    }
    let prompts = args.prompts.of(checkpoint.settings()).used_by(&retriever);
    let similarity = similarity.used_by(&retriever, checkpoint.settings());
    let texts = Texts::new(&results.sets, &prompts);
    let task = Task {
        sets: &results.sets,
        texts: &texts,
        tokens: None,
        metrics: &results.metrics,
        rules: args.compat.rules(),
        similarity,
        depth,
    };
    let amount = Amount { count: texts.len(), bytes: texts.bytes(), what: "texts" };
    let scored = watched(args, checkpoint, amount, cancel, |progress| match &retriever {
        Retriever::Hybrid(encoder) => {
            let by = encoder.retrieval().with_parts();
            let of_sets = score_hybrid(&retriever, encoder, &task, &vec![by.clone(); task.sets.len()], progress)?;
            let mut rankings: Vec<Ranking> = by.into_iter().map(|by| (Some(by), Vec::new())).collect();
            for of_set in of_sets {
                rankings.iter_mut().zip(of_set).for_each(|((_, sets), scores)| sets.push(scores));
            }
            Ok(rankings)
        }
        _ => score(&retriever, &task, progress).map(|sets| vec![(None, sets)]),
    });
    set_aside(retriever);
    let scored: Result<Vec<Ranking>, ScoreError> = scored;
    Ok(scored?)
}

/// Scores a reranker on the candidates of a first stage.
pub(super) fn rerank_with(
    args: &Args,
    checkpoint: &Checkpoint,
    results: &Results,
    candidates: &[Candidates],
    cancel: &Cancel,
) -> anyhow::Result<Vec<SetScores>> {
    let reranker = CrossEncoder::open(checkpoint, &args.encoder.options())?;
    if !args.quiet {
        render::warn(reranker.warnings());
    }
    let rules = args.compat.rules();
    let task = RerankTask { sets: &results.sets, candidates, metrics: &results.metrics, rules };
    let amount = Amount { count: task.pairs(), bytes: task.bytes(), what: "pairs" };
    Ok(watched(args, checkpoint, amount, cancel, |progress| rerank(&reranker, &task, progress))?)
}

/// What a model has to encode.
struct Amount {
    count: usize,
    bytes: u64,
    what: &'static str,
}

/// Shows the progress of a model's work.
fn watched<T>(
    args: &Args,
    checkpoint: &Checkpoint,
    Amount { count, bytes, what }: Amount,
    cancel: &Cancel,
    work: impl FnOnce(&mut dyn FnMut(EncodingProgress) -> ControlFlow<()>) -> T,
) -> T {
    let bar = progress::bar(progress::Counted::Encoding, bytes, args.quiet || args.json);
    let (begun, mut finished) = (Instant::now(), 0);
    let done = work(&mut |done| {
        finished += done.texts;
        let rate = finished as f64 / begun.elapsed().as_secs_f64().max(1e-9);
        let name = checkpoint.path().display();
        bar.set_message(line(&format!("{finished}/{count} {what}  {rate:.0} {what}/s  {name}")));
        bar.inc(done.bytes);
        cancel.flow()
    });
    bar.finish_and_clear();
    done
}
