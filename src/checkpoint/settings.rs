//! Settings of how texts become embeddings, read from older and newer spellings.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::config::Architecture;
use super::error::Error;
use super::json;
use super::late_interaction::LateInteraction;
use super::model_kind::ModelKind;
use super::model_path::ModelPath;
use super::module_place::Roles;
use super::modules::Module;
use super::transformer_settings::TransformerSettings;
use crate::escape::Untrusted;

/// Names of the transformer module's settings file, which depend on the class that saved it.
pub(super) const TRANSFORMER_FILES: &[&str] = &[
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
];

/// The pooling flags of older folders, in the order in which several modes are concatenated.
const POOLING_SWITCHES: &[(&str, &str)] = &[
    ("pooling_mode_cls_token", "cls"),
    ("pooling_mode_max_tokens", "max"),
    ("pooling_mode_mean_tokens", "mean"),
    ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
    ("pooling_mode_weightedmean_tokens", "weightedmean"),
    ("pooling_mode_lasttoken", "lasttoken"),
];

/// The names of a document prompt, in the order in which they are looked for.
const DOCUMENT_PROMPTS: &[&str] = &["document", "passage", "corpus"];

/// The activation of scores where a reranker names none.
const SIGMOID: &str = "torch.nn.modules.activation.Sigmoid";

/// How texts become embeddings.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "settings of a file, each with its own key")]
pub struct Settings {
    /// What the model makes of texts.
    pub kind: ModelKind,
    /// `mean`, `cls`, `lasttoken`, `cls+mean` and so on; `None` for a folder without pooling.
    pub pooling: Option<String>,
    /// Whether the prompt's tokens are pooled too.
    pub include_prompt: bool,
    /// Whether queries and documents go through different modules.
    pub routed: bool,
    /// Whether embeddings are normalised.
    pub normalize: bool,
    /// The prompts that are not empty, by name as written.
    pub prompts: BTreeMap<String, String>,
    /// The prompt in front of queries: `query`, if it exists and is not empty.
    pub query_prompt: Option<String>,
    /// The prompt in front of documents: the first of `document`, `passage` and `corpus`.
    pub document_prompt: Option<String>,
    /// The name of the prompt that is used by default, unless that prompt is empty.
    pub default_prompt: Option<String>,
    /// `cosine`, `dot`, `euclidean` or `manhattan`.
    pub similarity: Untrusted,
    /// The class of the activation of a reranker's scores, as torch names it; `None` for other models.
    pub score_activation: Option<Untrusted>,
    /// The maximum sequence length in tokens, special tokens included.
    pub max_seq_length: Option<u64>,
    /// Whether text is lower-cased before the tokenizer sees it.
    pub lower_case: bool,
    /// The embedding dimension.
    pub embedding_dimension: Option<u64>,
    /// The dimension that embeddings are truncated to.
    pub truncate_dim: Option<u64>,
    /// The number of entries of a sparse embedding that are kept.
    pub max_active_dims: Option<u64>,
    /// How a late-interaction model makes one vector a token; `None` for other models.
    pub late_interaction: Option<LateInteraction>,
    /// Further settings of the transformer module.
    pub transformer: TransformerSettings,
    /// The architecture, from config.json.
    pub architecture: Architecture,
}

impl Settings {
    /// Reads the settings of the folder `root`, whose main module lies in `home`.
    pub(crate) fn read(
        root: &ModelPath,
        home: &ModelPath,
        sentence_transformers: bool,
        modules: &[Module],
        main: usize,
    ) -> Result<Self, Error> {
        let empty = Map::new();
        let config = modules.get(main).map_or(&empty, |module| &module.config);
        let tokenizer = json::read_config(&home.join("tokenizer_config.json"))?.unwrap_or_default();
        let (transformer, overall) = if sentence_transformers {
            (read_transformer(home)?, json::read_config(&root.join("config_sentence_transformers.json"))?)
        } else {
            (Map::new(), None)
        };
        let overall = overall.unwrap_or_default();
        let architecture = Architecture::of(config);
        let pooling = modules.iter().find(|module| module.kind == "Pooling").map(|module| &module.config);
        let prompts = read_prompts(&overall);
        let late_interaction =
            LateInteraction::read(root, [&overall, &transformer, config], sentence_transformers, modules)?;
        let kind = ModelKind::of(&overall, modules, config, late_interaction.is_some());
        Ok(Self {
            kind,
            pooling: pooling.map(pooling_mode),
            include_prompt: pooling.is_none_or(|config| flag(config, "include_prompt").unwrap_or(true)),
            normalize: modules.iter().any(|module| module.kind == "Normalize"),
            query_prompt: effective(&prompts, &["query"]),
            document_prompt: effective(&prompts, DOCUMENT_PROMPTS),
            default_prompt: text(&overall, "default_prompt_name")
                .filter(|name| prompts.get(*name).is_some_and(|prompt| !prompt.is_empty()))
                .map(str::to_owned),
            similarity: similarity(&overall, kind),
            routed: modules.iter().any(|module| module.roles != Roles::ALL),
            score_activation: score_activation(root, config)?,
            max_seq_length: max_length(&transformer, &tokenizer, &architecture),
            lower_case: flag(&transformer, "do_lower_case").unwrap_or(false),
            embedding_dimension: dimension(modules).or(match kind {
                ModelKind::Sparse => architecture.vocab_size,
                _ => architecture.hidden_size,
            }),
            truncate_dim: number(&overall, "truncate_dim"),
            max_active_dims: number(&overall, "max_active_dims"),
            prompts: prompts.into_iter().filter(|(_, prompt)| !prompt.is_empty()).collect(),
            late_interaction,
            transformer: TransformerSettings::read(&transformer).0,
            architecture,
        })
    }

    /// The prompts by use: the document prompt is under `document`, whatever its name in the file.
    pub(crate) fn prompts_in_use(&self) -> BTreeMap<&str, &str> {
        let other = self.prompts.iter().map(|(name, prompt)| (name.as_str(), prompt.as_str()));
        let mut prompts: BTreeMap<&str, &str> = other.filter(|(name, _)| !DOCUMENT_PROMPTS.contains(name)).collect();
        prompts.extend(self.document_prompt.as_deref().map(|prompt| ("document", prompt)));
        prompts
    }
}

fn read_transformer(home: &ModelPath) -> Result<Map<String, Value>, Error> {
    for name in TRANSFORMER_FILES {
        if let Some(config) = json::read_config(&home.join(name))? {
            return Ok(config);
        }
    }
    Ok(Map::new())
}

fn flag(config: &Map<String, Value>, key: &str) -> Option<bool> {
    config.get(key)?.as_bool()
}

fn text<'a>(config: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    config.get(key)?.as_str()
}

fn number(config: &Map<String, Value>, key: &str) -> Option<u64> {
    config.get(key)?.as_u64()
}

/// The pooling mode in the spelling of newer folders. Several modes are joined in the order in which they are concatenated.
fn pooling_mode(config: &Map<String, Value>) -> String {
    match config.get("pooling_mode") {
        Some(Value::String(mode)) => return mode.clone(),
        Some(Value::Array(modes)) => {
            let modes: Vec<&str> = modes.iter().filter_map(Value::as_str).collect();
            return modes.join("+");
        }
        _ => {}
    }
    let on = POOLING_SWITCHES.iter().filter(|(key, _)| flag(config, key) == Some(true));
    let modes: Vec<&str> = on.map(|&(_, mode)| mode).collect();
    if modes.is_empty() { "mean".to_owned() } else { modes.join("+") }
}

/// Every prompt, empty ones included: an empty `document` hides a `passage`.
fn read_prompts(overall: &Map<String, Value>) -> BTreeMap<String, String> {
    let Some(Value::Object(prompts)) = overall.get("prompts") else { return BTreeMap::new() };
    prompts.iter().map(|(name, prompt)| (name.clone(), prompt.as_str().unwrap_or_default().to_owned())).collect()
}

fn effective(prompts: &BTreeMap<String, String>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|&name| prompts.get(name)).filter(|prompt| !prompt.is_empty()).cloned()
}

/// The activation of the scores of a model that classifies pairs: what sentence-transformers wrote into a file of its own, else
/// into config.json, else a sigmoid. A class of somebody else's code is left out by sentence-transformers, too.
fn score_activation(root: &ModelPath, config: &Map<String, Value>) -> Result<Option<Untrusted>, Error> {
    let classes = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
    let own = json::read_config(&root.join("config_sentence_transformers.json"))?.unwrap_or_default();
    let classifies = |class: &str| {
        class.ends_with("ForSequenceClassification")
            || (class.ends_with("ForCausalLM") && text(&own, "model_type") == Some("CrossEncoder"))
    };
    if !classes.filter_map(Value::as_str).any(classifies) {
        return Ok(None);
    }
    let nested = config.get("sentence_transformers").and_then(Value::as_object);
    let found = text(&own, "activation_fn")
        .or_else(|| text(nested?, "activation_fn"))
        .or_else(|| text(config, "sbert_ce_default_activation_function"))
        .filter(|class| class.starts_with("torch."));
    Ok(Some(found.unwrap_or(SIGMOID).into()))
}

fn similarity(overall: &Map<String, Value>, kind: ModelKind) -> Untrusted {
    match text(overall, "similarity_fn_name") {
        None if kind == ModelKind::Sparse => "dot",
        None | Some("cos_sim") => "cosine",
        Some("dot_score") => "dot",
        Some(name) => name,
    }
    .into()
}

/// The maximum sequence length: from the transformer module, else from the tokenizer. It is at most the number of
/// positions, unless the module states it for a class that computes its positions.
pub(super) fn max_length(
    transformer: &Map<String, Value>,
    tokenizer: &Map<String, Value>,
    architecture: &Architecture,
) -> Option<u64> {
    // Tokenizers without a limit of their own carry 1e30, which does not fit a u64.
    let of_module = TransformerSettings::read(transformer).1;
    if of_module.is_some() && architecture.computes_positions() {
        return of_module;
    }
    let stated = of_module.or_else(|| number(tokenizer, "model_max_length"));
    match (stated, architecture.positions) {
        (Some(length), Some(positions)) => Some(length.min(positions)),
        (length, positions) => length.or(positions),
    }
}

/// The embedding dimension, from the last module that changes it.
fn dimension(modules: &[Module]) -> Option<u64> {
    modules.iter().rev().find_map(|module| match module.kind.as_str() {
        "Dense" => number(&module.config, "out_features"),
        "SpladePooling" => number(&module.config, "embedding_dimension"),
        "SparseAutoEncoder" => number(&module.config, "hidden_dim"),
        "Pooling" => {
            let width = number(&module.config, "embedding_dimension")
                .or_else(|| number(&module.config, "word_embedding_dimension"))?;
            Some(width.saturating_mul(pooling_mode(&module.config).split('+').count() as u64))
        }
        _ => None,
    })
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
