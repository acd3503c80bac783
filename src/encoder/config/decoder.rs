//! Models in the order of decoders: qwen2, qwen3, mistral, llama, gemma2, and those of them that attend in both directions:
//! eurobert, `llama_bidirec` and `gemma3_text`.

use super::super::error::Error;
use super::super::tensor_names::{GEMMA2, GEMMA3, LLAMA, Names, QWEN3};
use super::json::Json;
use super::rope::{Rope, Source};
use super::shape::{Biases, Config, GLOBAL, LOCAL, NormStyle, Pattern, head_size, layer_patterns};
use crate::kernel::Activation;

/// What all of them have in common, except what `of` overrides.
struct Common {
    layers: usize,
    heads: usize,
    key_value_heads: usize,
    size: usize,
    longest: usize,
    norm: NormStyle,
}

impl Common {
    fn read(json: Json<'_>, key_value_heads: Option<usize>) -> Result<Self, Error> {
        let heads = json.number(&["num_attention_heads"])?;
        Ok(Self {
            layers: json.number(&["num_hidden_layers"])?,
            heads,
            key_value_heads: json.number_if(&["num_key_value_heads"])?.or(key_value_heads).unwrap_or(heads),
            size: head_size(json, heads)?,
            longest: json.number(&["max_position_embeddings"])?,
            norm: NormStyle::rms(json.epsilon(&["rms_norm_eps"], 1e-6)?),
        })
    }

    fn config(self, names: &'static Names, patterns: Vec<Pattern>, layer_patterns: Vec<usize>) -> Config {
        Config {
            key_value_heads: self.key_value_heads,
            size: Some(self.size),
            biases: Biases::NONE,
            activation: Activation::Silu,
            longest: self.longest,
            patterns,
            layer_patterns,
            ..Config::new(names, self.layers, self.heads, self.norm)
        }
    }
}

/// qwen2, qwen3, mistral, llama, `llama_bidirec` and eurobert.
pub(super) fn read(json: Json<'_>, model_type: &str) -> Result<Config, Error> {
    let mut common = Common::read(json, if model_type == "mistral" { Some(8) } else { None })?;
    if model_type == "eurobert" {
        common.norm.epsilon = json.epsilon(&["rms_norm_eps"], 1e-5)?;
    }
    let (size, longest, layers) = (common.size, common.longest, common.layers);
    let source = Source { kind: None, theta: ("rope_theta", 10_000.0), scaled: true, size, longest };
    let rope = Rope::read(json, &source)?;
    let causal = json.flag("is_causal", true)? && !matches!(model_type, "llama_bidirec" | "eurobert");
    let global = Pattern { causal, rope: Some(rope), ..Pattern::default() };
    let (patterns, layer_patterns) = match model_type {
        "llama" | "llama_bidirec" | "eurobert" => (vec![global], vec![GLOBAL; layers]),
        "mistral" => {
            json.expect_none("layer_types")?;
            (vec![Pattern { window: window(json, causal)?, ..global }], vec![GLOBAL; layers])
        }
        _ => {
            let window = if json.flag("use_sliding_window", false)? { window(json, causal)? } else { None };
            let first = json.find(&["max_window_layers"]).and_then(serde_json::Value::as_u64).unwrap_or(28);
            let local = |layer: usize| window.is_some() && layer as u64 >= first;
            let layer_patterns = layer_patterns(json, layers, |layer| if local(layer) { LOCAL } else { GLOBAL })?;
            (vec![global.clone(), Pattern { window, ..global }], layer_patterns)
        }
    };
    let names = if model_type == "qwen3" { &QWEN3 } else { &LLAMA };
    Ok(Config {
        biases: biases(json, model_type)?,
        activation: json.activation(&["hidden_act"], Activation::Silu)?,
        ..common.config(names, patterns, layer_patterns)
    })
}

fn biases(json: Json<'_>, model_type: &str) -> Result<Biases, Error> {
    if model_type == "qwen2" {
        return Ok(Biases { qkv: true, ..Biases::NONE });
    }
    let attention = model_type != "mistral" && json.flag("attention_bias", false)?;
    let inner = matches!(model_type, "llama" | "llama_bidirec" | "eurobert") && json.flag("mlp_bias", false)?;
    Ok(Biases { qkv: attention, attention_output: attention, up: inner, down: inner })
}

/// The attention window. A causal window includes the token itself.
fn window(json: Json<'_>, causal: bool) -> Result<Option<usize>, Error> {
    let window = json.number_if(&["sliding_window"])?;
    Ok(window.map(|window| if causal { window - 1 } else { window }))
}

/// What the Gemma classes share: their default head width, and norms whose weights are differences from 1.
fn gemma(json: Json<'_>) -> Result<Common, Error> {
    let mut common = Common::read(json, Some(4))?;
    if json.find(&["head_dim"]).is_none() {
        common.size = 256;
    }
    common.norm.offset = 1.0;
    Ok(common)
}

/// `gemma2`, in one direction only; every second layer looks at the whole text.
pub(super) fn read_gemma2(json: Json<'_>, _: &str) -> Result<Config, Error> {
    json.expect("use_bidirectional_attention", false)?;
    json.expect("is_causal", true)?;
    let common = gemma(json)?;
    let (size, longest, layers) = (common.size, common.longest, common.layers);
    let source = Source { kind: None, theta: ("rope_theta", 10_000.0), scaled: true, size, longest };
    let global = Pattern { causal: true, rope: Some(Rope::read(json, &source)?), ..Pattern::default() };
    let window = json.number_if(&["sliding_window"])?.unwrap_or(4096) - 1;
    let layer_patterns = layer_patterns(json, layers, |layer| if layer % 2 == 0 { LOCAL } else { GLOBAL })?;
    let attention = json.flag("attention_bias", false)?;
    let width = json.number(&["hidden_size"])?;
    // null is no cap; a file without the key has the default.
    let is_null = json.map.get("attn_logit_softcapping").is_some_and(serde_json::Value::is_null);
    let cap = if is_null { None } else { Some(json.float("attn_logit_softcapping", 50.0)? as f32) };
    Ok(Config {
        biases: Biases { qkv: attention, attention_output: attention, ..Biases::NONE },
        activation: json.activation(&["hidden_activation", "hidden_act"], Activation::GeluTanh)?,
        scale: Some(1.0 / (json.float("query_pre_attn_scalar", 256.0)? as f32).sqrt()),
        embedding_scale: Some((width as f64).sqrt() as f32),
        score_cap: cap,
        overflows: true,
        ..common.config(&GEMMA2, vec![global.clone(), Pattern { window: Some(window), ..global }], layer_patterns)
    })
}

/// `gemma3_text`: as in `EmbeddingGemma`, or causal.
pub(super) fn read_gemma3(json: Json<'_>, _: &str) -> Result<Config, Error> {
    json.expect_none("attn_logit_softcapping")?;
    json.expect("is_causal", true)?;
    let common = gemma(json)?;
    let (size, longest, layers) = (common.size, common.longest, common.layers);
    let causal = !json.flag("use_bidirectional_attention", false)?;
    let window = json.number_if(&["sliding_window"])?.unwrap_or(4096);
    let window = match (causal, window % 2) {
        (true, _) => window - 1,
        (false, 0) => window / 2,
        // Some versions of transformers write half of a window plus one back as the window.
        (false, _) => {
            return Err(json.refuse(format!(
                "`sliding_window` is {window}, expected an even number, such as {}",
                window.saturating_sub(1).saturating_mul(2)
            )));
        }
    };
    let rope = |kind, theta, scaled| Rope::read(json, &Source { kind: Some(kind), theta, scaled, size, longest });
    let global = rope("full_attention", ("rope_theta", 1_000_000.0), true)?;
    let local = rope("sliding_attention", ("rope_local_base_freq", 10_000.0), false)?;
    let period = json.number_if(&["sliding_window_pattern", "_sliding_window_pattern"])?.unwrap_or(6);
    let layer_patterns = layer_patterns(json, layers, |layer| if (layer + 1) % period == 0 { GLOBAL } else { LOCAL })?;
    let patterns = vec![
        Pattern { causal, rope: Some(global), ..Pattern::default() },
        Pattern { causal, window: Some(window), rope: Some(local), ..Pattern::default() },
    ];
    let attention = json.flag("attention_bias", false)?;
    let width = json.number(&["hidden_size"])?;
    Ok(Config {
        biases: Biases { qkv: attention, attention_output: attention, ..Biases::NONE },
        activation: json.activation(&["hidden_activation", "hidden_act"], Activation::GeluTanh)?,
        scale: Some(1.0 / (json.float("query_pre_attn_scalar", 256.0)? as f32).sqrt()),
        embedding_scale: Some((width as f64).sqrt() as f32),
        overflows: true,
        ..common.config(&GEMMA3, patterns, layer_patterns)
    })
}
