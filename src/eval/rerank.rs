//! Scores a reranker on data sets: scores the candidates of every query, orders them, and computes metrics.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::time::Instant;

use super::{Candidates, DataSet, EncodingProgress, Metric, Rules, Run, ScoreError, SetScores, evaluate};
use crate::encoder::{CrossEncoder, Error};

/// Number of pairs that are tokenised at a time, so that tokens take little memory.
const CHUNK: usize = 4096;

/// The data sets and their candidates, and the rules.
#[derive(Clone, Copy, Debug)]
pub struct RerankTask<'a> {
    /// The data sets.
    pub sets: &'a [DataSet],
    /// The candidates of each data set.
    pub candidates: &'a [Candidates],
    /// The metrics.
    pub metrics: &'a [Metric],
    /// The rules in which tools differ.
    pub rules: Rules,
}

/// The pairs of a data set, query after query.
struct Pairs<'a> {
    ids: Vec<(&'a str, &'a str)>,
    texts: Vec<(&'a str, &'a str)>,
}

impl<'a> Pairs<'a> {
    fn new(set: &'a DataSet, candidates: &'a Candidates) -> Self {
        let documents: HashMap<&str, &str> =
            set.documents.iter().map(|document| (document.id.as_str(), document.text.as_str())).collect();
        let mut pairs = Self { ids: Vec::new(), texts: Vec::new() };
        for query in &set.queries {
            for id in candidates.of(&query.id) {
                let Some(document) = documents.get(id) else { continue };
                pairs.ids.push((&query.id, id));
                pairs.texts.push((&query.text, document));
            }
        }
        pairs
    }

    fn bytes(&self) -> u64 {
        bytes(&self.texts)
    }
}

fn bytes(texts: &[(&str, &str)]) -> u64 {
    texts.iter().map(|(query, document)| (query.len() + document.len()) as u64).sum()
}

impl RerankTask<'_> {
    /// The number of pairs.
    pub fn pairs(&self) -> usize {
        self.each().map(|(set, candidates)| Pairs::new(set, candidates).ids.len()).sum()
    }

    /// The length of all pairs in bytes.
    pub fn bytes(&self) -> u64 {
        self.each().map(|(set, candidates)| Pairs::new(set, candidates).bytes()).sum()
    }

    /// Some of the pairs: about `count`, spread evenly over all.
    pub(crate) fn spread(&self, count: usize) -> Vec<(&str, &str)> {
        let step = self.pairs().div_ceil(count.max(1)).max(1);
        let all = self.each().flat_map(|(set, candidates)| Pairs::new(set, candidates).texts);
        all.step_by(step).collect()
    }

    fn each(&self) -> impl Iterator<Item = (&DataSet, &Candidates)> {
        self.sets.iter().zip(self.candidates)
    }
}

/// Re-ranks the candidates of every data set of the task, in their order. Metrics follow the model's scores before its
/// activation, which may make close ones equal; the rankings have them after it, as `CrossEncoder.predict` gives them.
///
/// # Errors
/// Whatever keeps a pair from being scored, and [`Error::Cancelled`] when `progress` breaks.
pub fn rerank(
    reranker: &CrossEncoder,
    task: &RerankTask<'_>,
    progress: &mut dyn FnMut(EncodingProgress) -> ControlFlow<()>,
) -> Result<Vec<SetScores>, ScoreError> {
    let one = |(set, candidates)| {
        let scored = rerank_one(reranker, set, candidates, task, progress);
        scored.map_err(|source| ScoreError { set: DataSet::label(set), source: Box::new(source) })
    };
    task.each().map(one).collect()
}

fn rerank_one(
    reranker: &CrossEncoder,
    set: &DataSet,
    candidates: &Candidates,
    task: &RerankTask<'_>,
    progress: &mut dyn FnMut(EncodingProgress) -> ControlFlow<()>,
) -> Result<SetScores, Error> {
    let begun = Instant::now();
    let pairs = Pairs::new(set, candidates);
    let (mut logits, mut total) = (Vec::with_capacity(pairs.ids.len()), 0);
    for chunk in pairs.texts.chunks(CHUNK) {
        let tokens = reranker.tokenize(chunk)?;
        let (bytes, all) = (bytes(chunk), tokens.total().max(1) as u64);
        let mut report =
            |texts, tokens: usize| progress(EncodingProgress { texts, bytes: bytes * tokens as u64 / all });
        logits.extend(reranker.logits(&tokens, &mut report)?);
        total += tokens.total();
    }
    let encoding = begun.elapsed();
    let run = |value: &dyn Fn(f32) -> f64| {
        // A query that the first stage found nothing for has an empty ranking.
        let mut scores: BTreeMap<_, Vec<_>> =
            candidates.found.scores.keys().map(|query| (query.clone(), Vec::new())).collect();
        for ((query, document), logit) in pairs.ids.iter().zip(&logits) {
            scores.entry((*query).to_owned()).or_default().push(((*document).to_owned(), value(*logit)));
        }
        Run { scores }
    };
    let scores = evaluate(&set.qrels, &run(&|logit| f64::from(logit)), task.metrics, &task.rules);
    let run = run(&|logit| reranker.activate(logit));
    Ok(SetScores { scores, run, time: begun.elapsed(), encoding, tokens: total })
}
