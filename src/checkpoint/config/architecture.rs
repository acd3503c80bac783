//! The architecture in config.json, which decides what weights mean.

use serde_json::{Map, Value};

use super::class_config::{Config, Stated};
use super::per_layer::{self, LAYER_COUNTS, LayerKinds};

/// Keys for the number of positions.
const POSITIONS: &[&str] = &["max_position_embeddings", "n_positions", "max_trained_positions"];
/// Model types whose position numbers start after the padding token's id.
const OFFSET_POSITIONS: &[&str] = &["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"];
/// Models with rotary or relative positions, which go on behind the last one that the configuration speaks of.
const COMPUTED_POSITIONS: &[&str] = &[
    "deberta-v2",
    "embedding_gemma2",
    "embedding_gemma2_text",
    "eurobert",
    "gemma2",
    "gemma3_text",
    "gte",
    "jina_embeddings_v3",
    "lfm2",
    "llama",
    "llama_bidirec",
    "mistral",
    "modernbert",
    "mt5",
    "new",
    "nomic_bert",
    "qwen2",
    "qwen3",
    "t5",
];
/// Models whose configuration speaks of a number of positions that nothing depends on.
const WITHOUT_POSITIONS: &[&str] = &["mt5", "t5"];

/// The values of config.json that two models have to share for their weights to mean the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Architecture {
    /// The model type, such as `bert` or `xlm-roberta`.
    pub model_type: Option<String>,
    /// The width of a layer.
    pub hidden_size: Option<u64>,
    /// The number of rows of the token embeddings.
    pub vocab_size: Option<u64>,
    /// The number of layers. Not compared: slices change it.
    pub layers: Option<u64>,
    /// The number of positions for tokens.
    pub positions: Option<u64>,
    /// Whether positions are computed, and not looked up in a table.
    computes_positions: bool,
    /// Whether a head that scores tokens is tied to the token embeddings.
    pub ties_head: bool,
    /// The values that have to agree, in a fixed order.
    values: Vec<Stated>,
    /// The properties that differ between layers.
    kinds: LayerKinds,
}

/// A difference between two configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// What differs.
    pub(crate) what: String,
    /// The first one's value.
    pub(crate) left: String,
    /// The second one's value.
    pub(crate) right: String,
}

impl Architecture {
    /// Reads config.json.
    pub(crate) fn of(config: &Map<String, Value>) -> Self {
        let values = Config::of(config);
        let model_type = find(config, &["model_type"]).and_then(Value::as_str).map(str::to_owned);
        let number = |keys: &[&str]| find(config, keys).and_then(Value::as_u64);
        let is = |classes: &[&str]| model_type.as_deref().is_some_and(|name| classes.contains(&name));
        // This class has a table besides, unless the file says otherwise.
        let has_table = is(&["deberta-v2"]) && find(config, &["position_biased_input"]) != Some(&Value::Bool(false));
        Self {
            computes_positions: is(COMPUTED_POSITIONS) && !has_table,
            hidden_size: number(&["hidden_size", "d_model", "n_embd", "dim"]),
            vocab_size: number(&["vocab_size"]),
            layers: number(&LAYER_COUNTS),
            positions: number(POSITIONS)
                .filter(|_| !is(WITHOUT_POSITIONS))
                .map(|count| count.saturating_sub(position_offset(config, model_type.as_deref()))),
            ties_head: values.ties_head(),
            values: values.values(),
            kinds: per_layer::kinds(config),
            model_type,
        }
    }

    /// Whether positions are computed and not looked up in a table.
    pub(crate) fn computes_positions(&self) -> bool {
        self.computes_positions
    }

    /// Whether position numbers start after the padding token's id.
    pub(crate) fn counts_from_padding(&self) -> bool {
        self.model_type.as_deref().is_some_and(|name| OFFSET_POSITIONS.contains(&name))
    }

    /// The values that differ. A key that a file omits has the default of its class. If that is unknown, a file with the
    /// key differs only if its value has an effect.
    pub(crate) fn differences(&self, other: &Self) -> Vec<Difference> {
        let of = |side: &Self, what: &str| side.values.iter().find(|found| found.what == what).cloned();
        let mut names: Vec<&str> = self.values.iter().map(|found| found.what.as_str()).collect();
        names.extend(other.values.iter().map(|found| found.what.as_str()).filter(|what| of(self, what).is_none()));
        let same_class = self.model_type == other.model_type;
        let mut found: Vec<Difference> = names
            .into_iter()
            .filter_map(|what| {
                let (left, right) = (of(self, what), of(other, what));
                let (left, right) = match (left, right) {
                    (Some(Stated { value: Some(left), .. }), Some(Stated { value: Some(right), .. })) => (left, right),
                    // Either only one class has it, or one of the defaults is unknown.
                    (Some(left), None) if same_class && !left.is_neutral => (left.value?, "nothing".to_owned()),
                    (None, Some(right)) if same_class && !right.is_neutral => ("nothing".to_owned(), right.value?),
                    _ => return None,
                };
                (!alike(&left, &right)).then(|| Difference { what: what.to_owned(), left, right })
            })
            .collect();
        found.extend(kind_differences(&self.kinds, &other.kinds));
        found
    }
}

/// Whether two values are equivalent; a value that is off is equivalent to a missing one.
fn alike(left: &str, right: &str) -> bool {
    let is_off = |value: &str| matches!(value, "none" | "false");
    left == right || (is_off(left) && is_off(right))
}

/// The first layer that differs, for models of equal depth.
fn kind_differences(left: &LayerKinds, right: &LayerKinds) -> Vec<Difference> {
    let full = Value::from("full_attention");
    let names = left.iter().chain(right).map(|(what, _)| what.as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    let of = |side: &LayerKinds, what: &str| side.iter().find(|(name, _)| name == what).map(|(_, kinds)| kinds.clone());
    names
        .into_iter()
        .filter_map(|what| {
            let (one, other) = (of(left, what), of(right, what));
            // All layers of a class without a list are of one kind.
            let plain = |kinds: &Option<Vec<Value>>| kinds.as_ref().map(|kinds| vec![full.clone(); kinds.len()]);
            let is_listed = what.contains("layer_types");
            let one = one.clone().or_else(|| plain(&other).filter(|_| is_listed))?;
            let other = other.or_else(|| plain(&Some(one.clone())).filter(|_| is_listed))?;
            let layer = one.iter().zip(&other).position(|(one, other)| one != other)?;
            let kind_of = |kinds: &[Value]| {
                let kind = kinds.get(layer).map(super::class_config::value_text).unwrap_or_default();
                format!("{kind} in layer {layer}")
            };
            (one.len() == other.len()).then(|| Difference {
                what: what.to_owned(),
                left: kind_of(&one),
                right: kind_of(&other),
            })
        })
        .collect()
}

/// The value of the first key that has one, at the top level or in the text part of a multimodal model.
fn find<'a>(config: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    let text = config.get("text_config").and_then(Value::as_object);
    let value =
        |map: &'a Map<String, Value>| keys.iter().find_map(|&key| map.get(key).filter(|value| !value.is_null()));
    value(config).or_else(|| text.and_then(value))
}

fn position_offset(config: &Map<String, Value>, model_type: Option<&str>) -> u64 {
    if model_type.is_some_and(|name| OFFSET_POSITIONS.contains(&name)) {
        find(config, &["pad_token_id"]).and_then(Value::as_u64).unwrap_or(1).saturating_add(1)
    } else {
        0
    }
}

#[cfg(test)]
#[path = "architecture_tests.rs"]
mod tests;
