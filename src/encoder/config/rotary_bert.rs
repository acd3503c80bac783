//! Models in the order of BERT with rotary positions and gates: GTE (`new`, `gte` in transformers), `nomic_bert`
//! and `jina_embeddings_v3`.

use serde_json::Value;

use super::super::error::Error;
use super::super::tensor_names::{GTE, JINA3, NOMIC, Names};
use super::json::Json;
use super::rope::{Rope, Source};
use super::shape::{Biases, Config, NormStyle, Pattern, head_size};
use crate::kernel::Activation;

/// GTE.
pub(super) fn read_gte(json: Json<'_>, model_type: &str) -> Result<Config, Error> {
    json.expect("position_embedding_type", "rope")?;
    json.expect("layer_norm_type", "layer_norm")?;
    json.expect("logn_attention_scale", false)?;
    let theta = if model_type == "gte" { 160_000.0 } else { 10_000.0 };
    let biases = Biases { up: false, ..Biases::ALL };
    let activation = json.activation(&["hidden_act"], Activation::Gelu)?;
    let longest = json.number_if(&["max_position_embeddings"])?.unwrap_or(8192);
    read(json, &GTE, biases, activation, ("rope_theta", theta), longest, Rope::read_ntk)
}

/// `nomic_bert`, with the keys of transformers or with those of its own code.
pub(super) fn read_nomic(json: Json<'_>, _: &str) -> Result<Config, Error> {
    for (key, expected) in [
        ("use_rms_norm", false),
        ("prenorm", false),
        ("parallel_block", false),
        ("causal", false),
        ("rotary_emb_interleaved", false),
        ("scale_attn_by_inverse_layer_idx", false),
        ("scale_attn_weights", true),
    ] {
        json.expect(key, expected)?;
    }
    json.expect("rotary_emb_fraction", 1)?;
    if json.number_if(&["num_experts", "num_local_experts"]).ok().flatten().is_some() {
        return Err(Error::Architecture {
            path: json.path.parent().unwrap_or(json.path).to_owned(),
            found: "nomic_bert with experts".to_owned(),
        });
    }
    json.expect_none("rotary_emb_scale_base")?;
    let older = json.find(&["n_embd"]).is_some();
    let biases = Biases {
        qkv: json.flag("qkv_proj_bias", older)?,
        attention_output: json.flag("qkv_proj_bias", older)?,
        up: json.flag("mlp_fc1_bias", older)?,
        down: json.flag("mlp_fc2_bias", older)?,
    };
    let activation = match json.text("activation_function") {
        None => json.activation(&["hidden_act"], Activation::Silu)?,
        Some("swiglu") => Activation::Silu,
        Some("geglu") => Activation::Gelu,
        Some("glu") => Activation::Sigmoid,
        Some(found) => {
            return Err(json.refuse(format!("`activation_function` is {found:?}, expected swiglu, geglu or glu")));
        }
    };
    // A scaling factor affects only inputs that are longer than those of training, which are not accepted.
    let trained = json.number_if(&["max_trained_positions"])?;
    let scaled = json.find(&["rotary_scaling_factor"]).is_some();
    let longest = json.number_if(&["max_position_embeddings", "n_positions"])?.unwrap_or(2048);
    let longest = trained.filter(|_| scaled).unwrap_or(longest).min(longest);
    let theta = if older { 10_000.0 } else { 1000.0 };
    read(json, &NOMIC, biases, activation, ("rotary_emb_base", theta), longest, Rope::read)
}

/// `jina_embeddings_v3`, as transformers saves it: the adapter of one task is in the weights, or none is.
pub(super) fn read_jina3(json: Json<'_>, _: &str) -> Result<Config, Error> {
    let activation = json.activation(&["hidden_act"], Activation::Gelu)?;
    let longest = json.number_if(&["max_position_embeddings"])?.unwrap_or(8194);
    let config = read(json, &JINA3, Biases::ALL, activation, ("rope_theta", 20_000.0), longest, Rope::read)?;
    Ok(Config { norm: NormStyle::layer(json.epsilon(&["layer_norm_eps"], 1e-5)?), ..config })
}

fn read(
    json: Json<'_>,
    names: &'static Names,
    biases: Biases,
    activation: Activation,
    theta: (&str, f64),
    longest: usize,
    read_rope: fn(Json<'_>, &Source<'_>) -> Result<Rope, Error>,
) -> Result<Config, Error> {
    let layers = json.number(&["num_hidden_layers", "n_layer"])?;
    let heads = json.number(&["num_attention_heads", "n_head"])?;
    let size = head_size(json, heads)?;
    let rope = read_rope(json, &Source { kind: None, theta, scaled: true, size, longest })?;
    let norm = NormStyle::layer(json.epsilon(&["layer_norm_eps", "layer_norm_epsilon"], 1e-12)?);
    Ok(Config {
        size: Some(size),
        biases,
        activation,
        longest,
        patterns: vec![Pattern { rope: Some(rope), ..Pattern::default() }],
        token_types: json.find(&["type_vocab_size"]).and_then(Value::as_u64) != Some(0),
        ..Config::new(names, layers, heads, norm)
    })
}
