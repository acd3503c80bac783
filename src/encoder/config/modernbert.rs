//! `modernbert`: norms before sublayers, local attention in most layers, rotary positions.

use super::super::error::Error;
use super::super::tensor_names::MODERNBERT;
use super::json::Json;
use super::rope::{Rope, Source};
use super::shape::{Biases, Config, GLOBAL, LOCAL, NormStyle, Pattern, head_size, layer_patterns};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, _: &str) -> Result<Config, Error> {
    let layers = json.number(&["num_hidden_layers"])?;
    let heads = json.number(&["num_attention_heads"])?;
    let size = head_size(json, heads)?;
    let longest = json.number_if(&["max_position_embeddings"])?.unwrap_or(8192);
    let attention = json.flag("attention_bias", false)?;
    let inner = json.flag("mlp_bias", false)?;
    let norm = NormStyle {
        shifted: json.flag("norm_bias", false)?,
        ..NormStyle::layer(json.epsilon(&["norm_eps", "layer_norm_eps"], 1e-5)?)
    };
    let period = json.number_if(&["global_attn_every_n_layers"])?.unwrap_or(3);
    let window = json.number_if(&["local_attention"])?.unwrap_or(128) / 2;
    let rope = |kind, theta| Rope::read(json, &Source { kind: Some(kind), theta, scaled: true, size, longest });
    Ok(Config {
        size: Some(size),
        biases: Biases { qkv: attention, attention_output: attention, up: inner, down: inner },
        activation: json.activation(&["hidden_activation"], Activation::Gelu)?,
        longest,
        patterns: vec![
            Pattern { rope: Some(rope("full_attention", ("global_rope_theta", 160_000.0))?), ..Pattern::default() },
            Pattern {
                window: Some(window),
                rope: Some(rope("sliding_attention", ("local_rope_theta", 10_000.0))?),
                ..Pattern::default()
            },
        ],
        layer_patterns: layer_patterns(json, layers, |layer| if layer % period == 0 { GLOBAL } else { LOCAL })?,
        ..Config::new(&MODERNBERT, layers, heads, norm)
    })
}
