//! `EmbeddingGemma` 2: `embedding_gemma2`, of which the part about texts is read, and `embedding_gemma2_text`, that part alone.

use serde_json::Value;

use super::super::error::Error;
use super::super::tensor_names::EMBEDDING_GEMMA2;
use super::json::Json;
use super::rope::{Rope, Source};
use super::shape::{Biases, Config, GLOBAL, LOCAL, NormStyle, Pattern, layer_patterns};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, _: &str) -> Result<Config, Error> {
    let json = json.object("text_config").unwrap_or(json);
    let layers = json.number(&["num_hidden_layers"])?;
    let heads = json.number(&["num_attention_heads"])?;
    let width = json.number(&["hidden_size"])?;
    let longest = json.number_if(&["max_position_embeddings"])?.unwrap_or(262_144);
    let period = json.number_if(&["sliding_window_pattern"])?.unwrap_or(6);
    // The last layer always looks at the whole text.
    let is_global = |layer: usize| (layer + 1).is_multiple_of(period) || layer + 1 == layers;
    let layer_patterns = layer_patterns(json, layers, |layer| if is_global(layer) { GLOBAL } else { LOCAL })?;
    let narrow = Heads::narrow(json)?;
    let wide = Heads::wide(json, &layer_patterns)?;
    let rope = |kind, theta, heads: Heads| {
        let source =
            Source { kind: Some(kind), theta: ("rope_theta", theta), scaled: false, size: heads.size, longest };
        Rope::read(json, &source)
    };
    let attention = json.flag("attention_bias", false)?;
    Ok(Config {
        key_value_heads: narrow.key_value,
        size: Some(narrow.size),
        scale: Some(1.0),
        biases: Biases { qkv: attention, attention_output: attention, ..Biases::NONE },
        activation: json.activation(&["hidden_activation"], Activation::GeluTanh)?,
        longest,
        patterns: vec![
            Pattern {
                rope: Some(rope("full_attention", 1_000_000.0, wide)?),
                heads: Some((wide.key_value, wide.size)),
                ..Pattern::default()
            },
            Pattern {
                window: Some(json.number_if(&["sliding_window"])?.unwrap_or(512)),
                rope: Some(rope("sliding_attention", 10_000.0, narrow)?),
                ..Pattern::default()
            },
        ],
        layer_patterns,
        embedding_scale: Some((width as f64).sqrt() as f32),
        value_norms: true,
        overflows: true,
        ..Config::new(&EMBEDDING_GEMMA2, layers, heads, NormStyle::rms(json.epsilon(&["rms_norm_eps"], 1e-6)?))
    })
}

/// The heads of keys and values in one kind of layer, and the width of a head.
#[derive(Clone, Copy, PartialEq)]
struct Heads {
    key_value: usize,
    size: usize,
}

impl Heads {
    /// Those of layers with a window.
    fn narrow(json: Json<'_>) -> Result<Self, Error> {
        Ok(Self {
            key_value: json.number_if(&["num_key_value_heads"])?.unwrap_or(2),
            size: json.number_if(&["head_dim"])?.unwrap_or(256),
        })
    }

    /// Those of layers that look at the whole text: stated layer by layer, and the same in all of them.
    fn wide(json: Json<'_>, layer_patterns: &[usize]) -> Result<Self, Error> {
        let Some(listed) = json.object("per_layer_config") else {
            return Ok(Self {
                key_value: json.number_if(&["num_global_key_value_heads"])?.unwrap_or(1),
                size: json.number_if(&["global_head_dim"])?.unwrap_or(512),
            });
        };
        let narrow = Self::narrow(json)?;
        let of = |layer: usize| {
            let Some(own) = listed.object(&layer.to_string()) else { return Ok(narrow) };
            if let Some(key) = own.map.keys().find(|key| !matches!(key.as_str(), "head_dim" | "num_key_value_heads")) {
                let value = own.map.get(key).unwrap_or(&Value::Null);
                return Err(json.found(&format!("per_layer_config.{layer}.{key}"), value, "none"));
            }
            Ok(Self {
                key_value: own.number_if(&["num_key_value_heads"])?.unwrap_or(narrow.key_value),
                size: own.number_if(&["head_dim"])?.unwrap_or(narrow.size),
            })
        };
        let mut wide = None;
        for (layer, pattern) in layer_patterns.iter().enumerate() {
            let found = of(layer)?;
            let expected = if *pattern == LOCAL { narrow } else { *wide.get_or_insert(found) };
            if found != expected {
                return Err(json.refuse(format!(
                    "`per_layer_config` gives layer {layer} heads of its own, expected the same for all layers of its kind"
                )));
            }
        }
        Ok(wide.unwrap_or(narrow))
    }
}
