//! The builder of scorings.

use std::fmt;
use std::path::PathBuf;

use super::Error;
use super::first_stage::FirstStage;
use super::watch::{Watch, watch_methods};
use crate::checkpoint::{Checkpoint, Links};
use crate::encoder::{self, CrossEncoder, Retriever};
use crate::eval::{
    self, Candidates, Compat, DataSet, Metric, Paired, Prompts, RerankTask, SetScores, Similarity, Task, Texts,
};
use crate::progress::{Cancel, Progress};

/// The scores of a retriever on retrieval data sets, or of a reranker on what a first stage finds.
///
/// ```
/// # fn main() -> Result<(), admix::Error> {
/// # let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
/// # let (model, data) = (format!("{fixtures}/retrievers/mono-ko"), format!("{fixtures}/bilingual/ko-ko"));
/// let report = admix::Score::model(model).data(data).metric("ndcg@10").run()?;
/// assert!(report.mean("ndcg@10").unwrap() > 0.5);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Score {
    model: PathBuf,
    data: Vec<PathBuf>,
    metrics: Vec<String>,
    reading: eval::data::Options,
    encoder: encoder::Options,
    links: Links,
    compat: Compat,
    query_prompt: Option<String>,
    document_prompt: Option<String>,
    pub(super) first_stage: Option<FirstStage>,
    pub(super) top_k: Option<usize>,
    watch: Watch,
}

impl Score {
    /// Scores the model in a folder.
    pub fn model(folder: impl Into<PathBuf>) -> Self {
        Self {
            model: folder.into(),
            data: Vec::new(),
            metrics: Vec::new(),
            reading: eval::data::Options::default(),
            encoder: encoder::Options::default(),
            links: Links::Inside,
            compat: Compat::default(),
            query_prompt: None,
            document_prompt: None,
            first_stage: None,
            top_k: None,
            watch: Watch::default(),
        }
    }

    /// Adds the data sets in a folder, or of a name: a task of MTEB, or `org/name[:subset][@revision]` in the Hub's cache.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data.push(folder.into());
        self
    }

    /// Adds a metric. The default is `ndcg@10` and `recall@100`, and for a reranker `ndcg@10`, `mrr@10` and `map`.
    #[must_use]
    pub fn metric(mut self, name: impl Into<String>) -> Self {
        self.metrics.push(name.into());
        self
    }

    /// Sets the split of the data sets, by default `test`, or the only one.
    #[must_use]
    pub fn split(mut self, split: impl Into<String>) -> Self {
        self.reading.split = Some(split.into());
        self
    }

    /// Uses only the first queries of each data set.
    #[must_use]
    pub fn limit_queries(mut self, queries: usize) -> Self {
        self.reading.limit_queries = Some(queries);
        self
    }

    /// Sets how the model is loaded: device, dtype, maximum sequence length.
    #[must_use]
    pub fn encoder(mut self, options: encoder::Options) -> Self {
        self.encoder = options;
        self
    }

    /// Sets the tool whose rules apply where tools differ.
    #[must_use]
    pub fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    /// Sets the prompt of queries, in place of the model's own.
    #[must_use]
    pub fn query_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.query_prompt = Some(prompt.into());
        self
    }

    /// Sets the prompt of documents, in place of the model's own.
    #[must_use]
    pub fn document_prompt(mut self, prompt: impl Into<String>) -> Self {
        self.document_prompt = Some(prompt.into());
        self
    }

    /// Follows links out of the model's folder, for folders that you trust.
    #[must_use]
    pub fn follow_links(mut self) -> Self {
        self.links = Links::Followed;
        self
    }

    /// Scores the model as a reranker of what a first stage finds.
    #[must_use]
    pub fn rerank(mut self, first_stage: FirstStage) -> Self {
        self.first_stage = Some(first_stage);
        self
    }

    /// Sets how many documents of each query a reranker orders: by default 100, or all that a data set lists.
    #[must_use]
    pub fn top_k(mut self, documents: usize) -> Self {
        self.top_k = Some(documents);
        self
    }

    watch_methods! {
        cancel: "Lets the token end the scoring.",
        progress: "Calls `watch` with the bytes of the texts that are encoded.",
    }

    /// Encodes all texts, searches every data set and computes the metrics.
    ///
    /// # Errors
    /// A model or data set that cannot be read, a text that names no metric, embeddings that cannot be computed.
    pub fn run(&self) -> Result<ScoreReport, Error> {
        if self.data.is_empty() {
            return Err(Error::NoData);
        }
        let metrics = self.metrics()?;
        let checkpoint = Checkpoint::open_with(&self.model, self.links)?;
        let (mut sets, mut listed) = (Vec::new(), Vec::new());
        for folder in &self.data {
            let opened = eval::data::inspect(folder, &self.reading)?;
            sets.extend(opened.sets);
            listed.extend(opened.top_ranked);
        }
        let (scored, warnings) = match &self.first_stage {
            None => self.retrieve(&checkpoint, &sets, &metrics, eval::ranking_depth(&metrics), &self.encoder)?,
            Some(first) => {
                let candidates = self.candidates(first, &sets, &listed, &metrics)?;
                self.rerank_all(&checkpoint, &sets, &metrics, &candidates)?
            }
        };
        let sets = sets.into_iter().zip(scored).map(|(data, found)| ScoredSet { data, found }).collect();
        Ok(ScoreReport { model: self.model.clone(), sets, warnings })
    }

    /// Searches every data set with a retriever, for the best `depth` documents of each query.
    pub(super) fn retrieve(
        &self,
        checkpoint: &Checkpoint,
        sets: &[DataSet],
        metrics: &[Metric],
        depth: usize,
        options: &encoder::Options,
    ) -> Result<(Vec<SetScores>, Vec<String>), Error> {
        let settings = checkpoint.settings();
        let unknown =
            || Error::Similarity { model: checkpoint.path().to_owned(), name: settings.similarity.to_string() };
        let similarity = Similarity::of_model(settings).ok_or_else(unknown)?;
        let retriever = Retriever::open(checkpoint, options)?;
        let similarity = similarity.used_by(&retriever, settings);
        let texts = Texts::new(sets, &self.prompts(checkpoint).used_by(&retriever));
        let rules = self.compat.rules();
        let task = Task { sets, texts: &texts, tokens: None, metrics, rules, similarity, depth };
        let meter = self.watch.meter(texts.bytes());
        let scored = eval::score(&retriever, &task, &mut |done| {
            meter.add(done.bytes);
            self.watch.cancel.flow()
        })?;
        Ok((scored, retriever.warnings().to_vec()))
    }

    /// Orders the candidates of every data set with a reranker.
    fn rerank_all(
        &self,
        checkpoint: &Checkpoint,
        sets: &[DataSet],
        metrics: &[Metric],
        candidates: &[Candidates],
    ) -> Result<(Vec<SetScores>, Vec<String>), Error> {
        let reranker = CrossEncoder::open(checkpoint, &self.encoder)?;
        let task = RerankTask { sets, candidates, metrics, rules: self.compat.rules() };
        let meter = self.watch.meter(task.bytes());
        let scored = eval::rerank(&reranker, &task, &mut |done| {
            meter.add(done.bytes);
            self.watch.cancel.flow()
        })?;
        Ok((scored, reranker.warnings().to_vec()))
    }

    /// The options of a first stage: a length that is asked for is that of a reranker's pairs.
    pub(super) fn of_first_stage(&self) -> encoder::Options {
        encoder::Options { max_length: None, ..self.encoder.clone() }
    }

    pub(super) fn links(&self) -> Links {
        self.links
    }

    pub(super) fn rules_of(&self) -> Compat {
        self.compat
    }

    /// The metrics, each once.
    fn metrics(&self) -> Result<Vec<Metric>, Error> {
        let mut metrics = Vec::new();
        for name in &self.metrics {
            let metric = name.parse()?;
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        let usual = match self.first_stage {
            None => ["ndcg@10", "recall@100"].as_slice(),
            Some(_) => &["ndcg@10", "mrr@10", "map"],
        };
        if metrics.is_empty() {
            metrics = usual.iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
        }
        Ok(metrics)
    }

    fn prompts(&self, checkpoint: &Checkpoint) -> Prompts {
        let settings = checkpoint.settings();
        Prompts::of(settings, self.query_prompt.as_deref(), self.document_prompt.as_deref())
    }
}

/// The scores of one model.
#[derive(Clone, Debug)]
pub struct ScoreReport {
    /// The model's folder.
    pub model: PathBuf,
    /// One entry for each data set and direction.
    pub sets: Vec<ScoredSet>,
    /// Warnings about settings of the model's folder that are not used as its files may suggest.
    pub warnings: Vec<String>,
}

impl ScoreReport {
    /// The mean of a metric over data sets. `None` for a metric that was not computed.
    pub fn mean(&self, metric: &str) -> Option<f64> {
        let means: Vec<f64> = self.sets.iter().map(|set| set.mean(metric)).collect::<Option<_>>()?;
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }
}

/// One line for each data set and metric.
impl fmt::Display for ScoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for set in &self.sets {
            for (index, metric) in set.found.scores.metrics.iter().enumerate() {
                let mean = set.found.scores.mean(index).unwrap_or(f64::NAN);
                writeln!(f, "{}  {metric}  {mean:.4}", crate::escape::line(&set.data.label()))?;
            }
        }
        Ok(())
    }
}

/// The scores of a model on a data set.
#[derive(Clone, Debug)]
pub struct ScoredSet {
    /// The data set.
    pub data: DataSet,
    /// The scores of each query, and the documents that were found for it.
    pub found: SetScores,
}

impl ScoredSet {
    /// The mean of a metric over queries. `None` for a metric that was not computed, or without queries.
    pub fn mean(&self, metric: &str) -> Option<f64> {
        self.found.scores.mean(self.index(metric)?)
    }

    /// The difference from another model's scores on the same data set, with its interval and p-value.
    pub fn compare(&self, baseline: &Self, metric: &str) -> Option<Paired> {
        let (own, base) = self.found.scores.paired(&baseline.found.scores, self.index(metric)?);
        eval::paired(&base, &own)
    }

    fn index(&self, metric: &str) -> Option<usize> {
        let metric: Metric = metric.parse().ok()?;
        self.found.scores.metrics.iter().position(|known| *known == metric)
    }
}
