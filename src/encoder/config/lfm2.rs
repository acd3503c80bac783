//! `lfm2`: in most layers a short convolution stands where attention would.

use serde_json::Value;

use super::super::error::Error;
use super::super::tensor_names::LFM2;
use super::json::Json;
use super::rope::{Rope, Source};
use super::shape::{Biases, Config, NormStyle, Pattern, head_size};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, _: &str) -> Result<Config, Error> {
    let layers = json.number(&["num_hidden_layers"])?;
    let heads = json.number(&["num_attention_heads"])?;
    let size = head_size(json, heads)?;
    let longest = json.number_if(&["max_position_embeddings"])?.unwrap_or(128_000);
    let source = Source { kind: None, theta: ("rope_theta", 1_000_000.0), scaled: true, size, longest };
    let rope = Rope::read(json, &source)?;
    Ok(Config {
        key_value_heads: json.number_if(&["num_key_value_heads"])?.unwrap_or(8),
        size: Some(size),
        biases: Biases::NONE,
        activation: Activation::Silu,
        longest,
        patterns: vec![Pattern { causal: json.flag("is_causal", true)?, rope: Some(rope), ..Pattern::default() }],
        convolutions: (convolutions(json, layers)?, json.flag("conv_bias", false)?),
        ..Config::new(&LFM2, layers, heads, NormStyle::rms(json.epsilon(&["norm_eps", "block_norm_eps"], 1e-5)?))
    })
}

/// The layers without attention: from `layer_types`, or those that `full_attn_idxs` does not name.
fn convolutions(json: Json<'_>, layers: usize) -> Result<Vec<usize>, Error> {
    if let Some(value) = json.find(&["layer_types"]) {
        let types = value.as_array().filter(|types| types.len() >= layers);
        let types = types.ok_or_else(|| json.refuse(format!("`layer_types` does not list {layers} layers")))?;
        let is_convolution = |kind: &Value| match kind.as_str() {
            Some("conv") => Ok(true),
            Some("full_attention") => Ok(false),
            _ => Err(json.found("layer_types", kind, "full_attention or conv")),
        };
        let kinds = types.iter().take(layers).map(is_convolution).collect::<Result<Vec<bool>, Error>>()?;
        return Ok((0..layers).filter(|layer| kinds.get(*layer) == Some(&true)).collect());
    }
    let Some(value) = json.find(&["full_attn_idxs"]) else { return Ok(Vec::new()) };
    let full = value.as_array().ok_or_else(|| json.found("full_attn_idxs", value, "a list of layers"))?;
    Ok((0..layers).filter(|layer| !full.iter().any(|full| full.as_u64() == Some(*layer as u64))).collect())
}
