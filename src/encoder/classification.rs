//! Classification heads: the layers of a reranker that turn token vectors into one score.

use std::path::Path;

use serde_json::{Map, Value};

use super::config::{Json, NormStyle};
use super::error::Error;
use super::layers::linear::Linear;
use super::layers::norm::Norm;
use super::module_pipeline::{ModulePipeline, Residual, Step};
use super::pooling::{Mode, Pooling};
use super::source::Loader;
use crate::kernel::Activation;

/// The layers of a class of rerankers.
#[derive(Debug)]
pub(super) struct Head {
    /// The classes whose heads have these names.
    classes: &'static [&'static str],
    /// The layer in front of the scores.
    hidden: &'static str,
    activation: Activation,
    scores: &'static str,
}

static HEADS: &[Head] = &[
    Head {
        classes: &["BertForSequenceClassification", "GteForSequenceClassification", "NewForSequenceClassification"],
        hidden: "pooler.dense",
        activation: Activation::Tanh,
        scores: "classifier",
    },
    Head {
        classes: &[
            "XLMRobertaForSequenceClassification",
            "RobertaForSequenceClassification",
            "CamembertForSequenceClassification",
        ],
        hidden: "classifier.dense",
        activation: Activation::Tanh,
        scores: "classifier.out_proj",
    },
    Head {
        classes: &["DistilBertForSequenceClassification"],
        hidden: "pre_classifier",
        activation: Activation::Relu,
        scores: "classifier",
    },
    MODERNBERT,
];

/// Its activation and pooling are in config.json, and a norm follows.
const MODERNBERT: Head = Head {
    classes: &["ModernBertForSequenceClassification"],
    hidden: "head.dense",
    activation: Activation::Gelu,
    scores: "classifier",
};

/// The classes that can rerank.
pub(super) fn classes() -> Vec<&'static str> {
    HEADS.iter().flat_map(|head| head.classes).copied().collect()
}

/// Loads a head behind a transformer of width `width`.
pub(super) fn load(
    head: &Head,
    loader: &Loader<'_>,
    config: &Map<String, Value>,
    width: usize,
) -> Result<ModulePipeline, Error> {
    let path = loader.path.join("config.json");
    let json = Json { path: &path, map: config };
    let is_modernbert = head.classes == MODERNBERT.classes;
    let dense = |name: &str, outputs, biased, activation| -> Result<Step, Error> {
        let layer = Linear::load(loader, name, width, outputs, biased)?;
        Ok(Step::Dense { layer, activation, residual: Residual::None })
    };
    let mut steps = Vec::new();
    let mut pooling = Mode::Cls;
    if is_modernbert {
        pooling = match json.text("classifier_pooling") {
            None | Some("cls") => Mode::Cls,
            Some("mean") => Mode::Mean,
            Some(found) => return Err(json.found("classifier_pooling", &Value::from(found), "cls or mean")),
        };
        let activation = json.activation(&["classifier_activation"], head.activation)?;
        steps.push(dense(head.hidden, width, json.flag("classifier_bias", false)?, activation)?);
        let epsilon = json.epsilon(&["norm_eps"], 1e-5)?;
        let style = NormStyle { shifted: json.flag("norm_bias", false)?, ..NormStyle::layer(epsilon) };
        steps.push(Step::Norm(Norm::load(loader, "head.norm", width, style)?));
    } else {
        steps.push(dense(head.hidden, width, true, head.activation)?);
    }
    let (labels, _) = loader.dimensions(&format!("{}.weight", head.scores))?;
    if labels != 1 {
        return Err(json.refuse(format!("the model has {labels} labels, expected 1: the score of a pair")));
    }
    steps.push(dense(head.scores, 1, true, Activation::Identity)?);
    Ok(ModulePipeline::of_steps(Pooling::of(pooling), steps, width, 1))
}

/// The head of the class that config.json names.
pub(super) fn head_of(path: &Path, config: &Map<String, Value>) -> Result<&'static Head, Error> {
    let class = config.get("architectures").and_then(|classes| classes.get(0)?.as_str());
    let kind = config.get("model_type").and_then(Value::as_str).unwrap_or("unknown");
    let found = class.unwrap_or(kind);
    let head = HEADS.iter().find(|head| head.classes.contains(&found));
    head.ok_or_else(|| Error::NotReranker { path: path.to_owned(), found: found.to_owned() })
}
