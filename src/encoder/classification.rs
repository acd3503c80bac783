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
    /// The layer in front of the scores; `None` where the last token's vector is all.
    hidden: Option<&'static str>,
    activation: Activation,
    /// The key of config.json that may name another activation.
    activation_key: &'static str,
    scores: &'static str,
    /// A norm in front of the scores. Such heads also have their pooling and the bias of the hidden layer in config.json.
    norm: Option<&'static str>,
}

const fn head(
    classes: &'static [&'static str],
    hidden: &'static str,
    activation: Activation,
    scores: &'static str,
) -> Head {
    Head { classes, hidden: Some(hidden), activation, activation_key: "", scores, norm: None }
}

static HEADS: &[Head] = &[
    head(
        &["BertForSequenceClassification", "GteForSequenceClassification", "NewForSequenceClassification"],
        "pooler.dense",
        Activation::Tanh,
        "classifier",
    ),
    head(
        &[
            "XLMRobertaForSequenceClassification",
            "RobertaForSequenceClassification",
            "CamembertForSequenceClassification",
            "MPNetForSequenceClassification",
        ],
        "classifier.dense",
        Activation::Tanh,
        "classifier.out_proj",
    ),
    head(&["DistilBertForSequenceClassification"], "pre_classifier", Activation::Relu, "classifier"),
    head(&["ElectraForSequenceClassification"], "classifier.dense", Activation::Gelu, "classifier.out_proj"),
    head(&["AlbertForSequenceClassification"], "pooler", Activation::Tanh, "classifier"),
    Head {
        activation_key: "pooler_hidden_act",
        ..head(&["DebertaV2ForSequenceClassification"], "pooler.dense", Activation::Gelu, "classifier")
    },
    Head {
        activation_key: "classifier_activation",
        norm: Some("head.norm"),
        ..head(&["ModernBertForSequenceClassification"], "head.dense", Activation::Gelu, "classifier")
    },
    Head {
        hidden: None,
        ..head(
            &[
                "Qwen2ForSequenceClassification",
                "Qwen3ForSequenceClassification",
                "LlamaForSequenceClassification",
                "MistralForSequenceClassification",
                "Gemma2ForSequenceClassification",
                "Gemma3TextForSequenceClassification",
            ],
            "",
            Activation::Identity,
            "score",
        )
    },
];

/// The classes that can rerank, as config.json calls them.
pub fn reranker_classes() -> Vec<&'static str> {
    HEADS.iter().flat_map(|head| head.classes).copied().collect()
}

/// Whether a class reads the last token that is no padding: tokens behind it do not count.
pub(super) fn reads_last_token(head: &Head) -> bool {
    head.hidden.is_none()
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
    let dense = |name: &str, outputs, biased, activation| -> Result<Step, Error> {
        let layer = Linear::load(loader, name, width, outputs, biased)?;
        Ok(Step::Dense { layer, activation, residual: Residual::None })
    };
    let activation = json.activation(&[head.activation_key], head.activation)?;
    let biased = head.norm.is_none() || json.flag("classifier_bias", false)?;
    let hidden = head.hidden.map(|hidden| dense(hidden, width, biased, activation)).transpose()?;
    let mut pooling = if hidden.is_some() { Mode::Cls } else { Mode::LastToken };
    let is_plain = hidden.is_none();
    let mut steps: Vec<Step> = hidden.into_iter().collect();
    if let Some(norm) = head.norm {
        let style = NormStyle {
            shifted: json.flag("norm_bias", false)?,
            ..NormStyle::layer(json.epsilon(&["norm_eps"], 1e-5)?)
        };
        steps.push(Step::Norm(Norm::load(loader, norm, width, style)?));
        pooling = match json.text("classifier_pooling") {
            None | Some("cls") => Mode::Cls,
            Some("mean") => Mode::Mean,
            Some(found) => return Err(json.found("classifier_pooling", &Value::from(found), "cls or mean")),
        };
    }
    let (labels, _) = loader.dimensions(&format!("{}.weight", head.scores))?;
    if labels != 1 {
        return Err(json.refuse(format!("the model has {labels} labels, expected 1: the score of a pair")));
    }
    steps.push(dense(head.scores, 1, !is_plain, Activation::Identity)?);
    Ok(ModulePipeline::of_steps(Pooling::of(pooling), steps, width, 1))
}

/// The head of the class that config.json names.
pub(super) fn head_of(path: &Path, config: &Map<String, Value>) -> Result<&'static Head, Error> {
    let class = config.get("architectures").and_then(|classes| classes.get(0)?.as_str());
    let kind = config.get("model_type").and_then(Value::as_str).unwrap_or("unknown");
    let found = class.unwrap_or(kind);
    let head = HEADS.iter().find(|head| head.classes.contains(&found));
    head.ok_or_else(|| Error::NotReranker { path: path.to_owned(), found: found.to_owned(), known: reranker_classes() })
}
