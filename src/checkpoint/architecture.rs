//! What config.json says about what the weights mean.

use serde_json::{Map, Value};

/// A value that changes what weights mean: its name, the keys it is written under, and what an absent key stands for.
struct Field {
    what: &'static str,
    keys: &'static [&'static str],
    absent: Option<&'static str>,
}

const fn field(what: &'static str, keys: &'static [&'static str]) -> Field {
    Field { what, keys, absent: None }
}

/// The fields, in the order in which disagreements are listed. The number of layers is not among them: slices change it.
static FIELDS: &[Field] = &[
    field("model type", &["model_type"]),
    field("hidden size", &["hidden_size", "d_model", "n_embd", "dim"]),
    field("number of attention heads", &["num_attention_heads", "n_heads", "n_head", "num_heads"]),
    field("number of key/value heads", &["num_key_value_heads"]),
    field("attention head size", &["head_dim"]),
    field("intermediate size", &["intermediate_size", "hidden_dim", "n_inner", "d_ff"]),
    field("vocabulary size", &["vocab_size"]),
    field("number of token types", &["type_vocab_size"]),
    Field { what: "kind of positions", keys: &["position_embedding_type"], absent: Some("absolute") },
    field("rotary base", &["rope_theta", "rotary_emb_base"]),
    field("global rotary base", &["global_rope_theta"]),
    field("local rotary base", &["local_rope_theta", "rope_local_base_freq"]),
    field("activation", &["hidden_act", "activation", "activation_function", "hidden_activation"]),
    field("layer norm epsilon", &["layer_norm_eps", "layer_norm_epsilon", "rms_norm_eps", "norm_eps"]),
    field("attention window", &["sliding_window", "local_attention"]),
    field("period of global attention", &["global_attn_every_n_layers", "sliding_window_pattern"]),
    Field { what: "decoder", keys: &["is_decoder"], absent: Some("false") },
];

/// The number of layers under its names.
const LAYERS: &[&str] = &["num_hidden_layers", "n_layers", "n_layer", "num_layers"];
/// The number of positions under its names.
const POSITIONS: &[&str] = &["max_position_embeddings", "n_positions", "max_trained_positions"];
/// Models whose first position stands behind the padding token's number.
const OFFSET_POSITIONS: &[&str] = &["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet"];

/// The values of config.json that two models have to share for their weights to mean the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Architecture {
    /// The class of model: `bert`, `xlm-roberta`.
    pub model_type: Option<String>,
    /// The width of a layer.
    pub hidden_size: Option<u64>,
    /// The rows of the token embedding.
    pub vocab_size: Option<u64>,
    /// The number of layers. Not compared: slices change it.
    pub layers: Option<u64>,
    /// The longest input that there are positions for.
    pub positions: Option<u64>,
    /// What has to agree: a name and a value, in a fixed order.
    values: Vec<(&'static str, String)>,
}

impl Architecture {
    /// Reads config.json.
    pub(crate) fn of(config: &Map<String, Value>) -> Self {
        let model_type = find(config, &["model_type"]).and_then(Value::as_str).map(str::to_owned);
        let number = |keys: &[&str]| find(config, keys).and_then(Value::as_u64);
        let values = FIELDS.iter().filter_map(|field| {
            let value = value_of(config, field).or_else(|| field.absent.map(str::to_owned))?;
            Some((field.what, value))
        });
        Self {
            hidden_size: number(&["hidden_size", "d_model", "n_embd", "dim"]),
            vocab_size: number(&["vocab_size"]),
            layers: number(LAYERS),
            positions: number(POSITIONS)
                .map(|count| count.saturating_sub(position_offset(config, model_type.as_deref()))),
            values: values.collect(),
            model_type,
        }
    }

    /// Whether positions are counted from behind the padding token's number.
    pub(crate) fn counts_from_padding(&self) -> bool {
        self.model_type.as_deref().is_some_and(|name| OFFSET_POSITIONS.contains(&name))
    }

    /// The values that differ: name, own value, the other's. A value that only one side states is no difference.
    pub(crate) fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> {
        self.values.iter().filter_map(|(what, left)| {
            let (_, right) = other.values.iter().find(|(name, _)| name == what)?;
            (left != right).then_some((*what, left.as_str(), right.as_str()))
        })
    }
}

/// The first of the keys that has a value, at the top or in the text part of a model for several media.
fn find<'a>(config: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    let text = config.get("text_config").and_then(Value::as_object);
    let value =
        |map: &'a Map<String, Value>| keys.iter().find_map(|&key| map.get(key).filter(|value| !value.is_null()));
    value(config).or_else(|| text.and_then(value))
}

fn value_of(config: &Map<String, Value>, field: &Field) -> Option<String> {
    let value = find(config, field.keys).or_else(|| nested_rotary(config, field.what))?;
    Some(match value {
        Value::String(name) => activation(name).to_owned(),
        // 10000 and 10000.0 are one value.
        Value::Number(number) => match number.as_f64() {
            Some(number) if number.fract() == 0.0 => format!("{number}"),
            Some(number) => format!("{number:?}"),
            None => number.to_string(),
        },
        value => value.to_string(),
    })
}

/// Newer configurations keep rotary bases in an object of their own.
fn nested_rotary<'a>(config: &'a Map<String, Value>, what: &str) -> Option<&'a Value> {
    let part = match what {
        "rotary base" => None,
        "global rotary base" => Some("full_attention"),
        "local rotary base" => Some("sliding_attention"),
        _ => return None,
    };
    let parameters = find(config, &["rope_parameters"])?;
    part.map_or(Some(parameters), |part| parameters.get(part))?.get("rope_theta")
}

/// One name for the activations that have several.
fn activation(name: &str) -> &str {
    match name {
        "gelu_pytorch_tanh" => "gelu_new",
        "gelu_python" => "gelu",
        "swish" => "silu",
        name => name,
    }
}

fn position_offset(config: &Map<String, Value>, model_type: Option<&str>) -> u64 {
    if model_type.is_some_and(|name| OFFSET_POSITIONS.contains(&name)) {
        find(config, &["pad_token_id"]).and_then(Value::as_u64).unwrap_or(1).saturating_add(1)
    } else {
        0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(text: &str) -> Architecture {
        Architecture::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn spellings_of_one_value_agree() {
        for (one, other) in [
            (r#"{"hidden_size":4}"#, r#"{"n_embd":4,"is_decoder":false}"#),
            (r#"{"rope_theta":10000}"#, r#"{"rope_parameters":{"rope_theta":10000.0}}"#),
            (r#"{"layer_norm_eps":1e-5}"#, r#"{"rms_norm_eps":0.00001}"#),
            (r#"{"hidden_act":"gelu_new"}"#, r#"{"hidden_activation":"gelu_pytorch_tanh"}"#),
            (r#"{"num_hidden_layers":6}"#, r#"{"num_hidden_layers":12,"position_embedding_type":"absolute"}"#),
            (
                r#"{"global_rope_theta":160000.0,"local_rope_theta":10000}"#,
                r#"{"rope_parameters":{"full_attention":{"rope_theta":160000},"sliding_attention":{"rope_theta":10000}}}"#,
            ),
        ] {
            assert_eq!(of(one).differences(&of(other)).count(), 0, "{one} {other}");
        }
    }

    #[test]
    fn values_that_change_the_model_do_not_agree() {
        let (one, other) = (
            of(r#"{"model_type":"bert","num_attention_heads":12}"#),
            of(r#"{"model_type":"mpnet","num_attention_heads":6}"#),
        );
        let found: Vec<_> = one.differences(&other).collect();
        assert_eq!(found, [("model type", "bert", "mpnet"), ("number of attention heads", "12", "6")]);
        let relative = of(r#"{"position_embedding_type":"relative_key"}"#);
        assert_eq!(relative.differences(&of("{}")).count(), 1);
    }

    #[test]
    fn positions_behind_the_padding_are_not_counted() {
        assert_eq!(
            of(r#"{"model_type":"xlm-roberta","max_position_embeddings":514,"pad_token_id":1}"#).positions,
            Some(512)
        );
        assert_eq!(of(r#"{"model_type":"bert","max_position_embeddings":512,"pad_token_id":0}"#).positions, Some(512));
    }
}
