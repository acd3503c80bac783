//! Scores of models on data sets.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use admix::encoder::{self, Device};
use admix::eval::{Compat, Paired, data, holm};
use admix::{FirstStage, Score, ScoreReport, ScoredSet};
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::failure::{Failure, request};
use super::merging::dtype;
use super::run::{Hand, watched};

/// How models encode texts.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EncoderInput {
    device: Option<String>,
    dtype: Option<String>,
    max_length: Option<usize>,
    truncate_dim: Option<usize>,
    batch_tokens: Option<usize>,
}

impl EncoderInput {
    pub(crate) fn options(&self) -> Result<encoder::Options, Failure> {
        let device: Option<Device> = self.device.as_deref().map(str::parse).transpose()?;
        if let Some(device) = device.filter(|device| !device.is_built()) {
            return Err(encoder::Error::NotBuilt { device }.into());
        }
        Ok(encoder::Options {
            device: device.unwrap_or_default(),
            dtype: self.dtype.as_deref().map(dtype).transpose()?,
            max_length: self.max_length,
            truncate_dim: self.truncate_dim,
            batch_tokens: self.batch_tokens,
            ..encoder::Options::default()
        })
    }
}

/// What finds the documents that rerankers order.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum FirstStageInput {
    Retriever(PathBuf),
    Runs(Vec<PathBuf>),
    Listed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreInput {
    models: Vec<PathBuf>,
    data: Vec<PathBuf>,
    metrics: Vec<String>,
    baseline: Option<usize>,
    split: Option<String>,
    limit_queries: Option<usize>,
    query_prompt: Option<String>,
    document_prompt: Option<String>,
    compat: Option<String>,
    first_stage: Option<FirstStageInput>,
    top_k: Option<usize>,
    encoder: EncoderInput,
}

impl ScoreInput {
    fn score(&self, model: &PathBuf) -> Result<Score, Failure> {
        let mut score = Score::model(model).encoder(self.encoder.options()?);
        for folder in &self.data {
            score = score.data(folder);
        }
        for metric in &self.metrics {
            score = score.metric(metric);
        }
        if let Some(split) = &self.split {
            score = score.split(split);
        }
        if let Some(queries) = self.limit_queries {
            score = score.limit_queries(queries);
        }
        if let Some(prompt) = &self.query_prompt {
            score = score.query_prompt(prompt);
        }
        if let Some(prompt) = &self.document_prompt {
            score = score.document_prompt(prompt);
        }
        if let Some(compat) = &self.compat {
            let compat: Compat = compat.parse().map_err(|error: String| Failure::usage(error, ""))?;
            score = score.compat(compat);
        }
        score = match &self.first_stage {
            None => score,
            Some(FirstStageInput::Retriever(folder)) => score.rerank(FirstStage::Retriever(folder.clone())),
            Some(FirstStageInput::Runs(runs)) => score.rerank(FirstStage::Runs(runs.clone())),
            Some(FirstStageInput::Listed) => score.rerank(FirstStage::Listed),
        };
        Ok(match self.top_k {
            Some(documents) => score.top_k(documents),
            None => score,
        })
    }

    fn run(&self, hand: &Arc<Hand>) -> Result<Value, Failure> {
        let mut reports = Vec::new();
        for (index, model) in self.models.iter().enumerate() {
            hand.say(&json!({"event": "model", "label": model, "index": index, "count": self.models.len()}));
            let teller = Arc::clone(hand);
            let score = self.score(model)?.cancel(&hand.cancel).progress(move |progress| teller.set(progress));
            reports.push(score.run()?);
        }
        let models = (0..reports.len()).map(|model| self.model(&reports, model));
        let warnings: Vec<&String> = reports.iter().flat_map(|report| &report.warnings).collect();
        Ok(json!({"models": models.collect::<Vec<_>>(), "warnings": warnings}))
    }

    fn model(&self, reports: &[ScoreReport], model: usize) -> Value {
        let report = &reports[model];
        let sets = (0..report.sets.len()).map(|set| self.set(reports, model, set));
        json!({"model": report.model, "datasets": sets.collect::<Vec<_>>()})
    }

    fn set(&self, reports: &[ScoreReport], model: usize, at: usize) -> Value {
        let set = &reports[model].sets[at];
        let scores = &set.found.scores;
        let (mut means, mut queries, mut against) = (Map::new(), Map::new(), Map::new());
        for (index, metric) in scores.metrics.iter().enumerate() {
            let name = metric.to_string();
            means.insert(name.clone(), json!(scores.mean(index)));
            let values = scores.values(index).map(|(query, value)| (query.to_owned(), json!(value)));
            queries.insert(name.clone(), Value::Object(values.collect()));
            if let Some(found) = self.against_baseline(reports, model, at, &name) {
                against.insert(name, found);
            }
        }
        json!({
            "name": set.data.name,
            "direction": set.data.direction,
            "label": set.data.label(),
            "queries": set.data.queries.len(),
            "documents": set.data.documents.len(),
            "metrics": means,
            "per_query": queries,
            "against_baseline": against,
            "seconds": set.found.time.as_secs_f64(),
            "tokens": set.found.tokens,
        })
    }

    /// How a model compares with the baseline, with the p-value corrected over the models.
    fn against_baseline(&self, reports: &[ScoreReport], model: usize, at: usize, metric: &str) -> Option<Value> {
        let baseline = self.baseline.filter(|baseline| *baseline != model)?;
        let set = |report: &'_ ScoreReport| report.sets.get(at).cloned();
        let base: ScoredSet = set(reports.get(baseline)?)?;
        let compare = |(index, report): (usize, &ScoreReport)| {
            if index == baseline { None } else { set(report)?.compare(&base, metric) }
        };
        let found: Vec<Option<Paired>> = reports.iter().enumerate().map(compare).collect();
        let corrected = holm(&found.iter().flatten().map(|paired| paired.p).collect::<Vec<_>>());
        let place = found.iter().take(model).flatten().count();
        let paired = found.get(model)?.as_ref()?;
        Some(json!({
            "difference": paired.difference,
            "interval": [paired.interval.0, paired.interval.1],
            "p": paired.p,
            "p_holm": corrected.get(place),
            "better": paired.wins,
            "equal": paired.ties,
            "worse": paired.losses,
        }))
    }
}

/// Scores models on data sets.
pub(crate) fn score(py: Python<'_>, text: &str, watch: Option<Bound<'_, PyAny>>) -> PyResult<String> {
    let input: ScoreInput = request(text)?;
    watched(py, watch.as_ref(), |hand| Ok(input.run(hand)?.to_string()))
}

/// The splits of a data set, and the names of what is in it.
pub(crate) fn splits(py: Python<'_>, folder: &str) -> PyResult<String> {
    watched(py, None, |_| {
        let opened = data::inspect(Path::new(folder), &data::Options::default())?;
        let sets = opened.sets.iter().map(|set| json!({"name": set.name, "direction": set.direction}));
        Ok(json!({"splits": opened.splits, "sets": sets.collect::<Vec<_>>()}).to_string())
    })
}
