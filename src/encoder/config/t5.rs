//! The encoders of `t5` and `mt5`: a bias by distance, and scores that are not scaled.

use super::super::error::Error;
use super::super::tensor_names::{GATED_T5, T5};
use super::json::Json;
use super::shape::{Biases, Config, Distance, NormStyle};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, model_type: &str) -> Result<Config, Error> {
    let layers = json.number(&["num_layers", "num_hidden_layers"])?;
    let heads = json.number(&["num_heads", "num_attention_heads"])?;
    let (gated, activation) = feed_forward(json, model_type)?;
    let buckets = json.number_if(&["relative_attention_num_buckets"])?.unwrap_or(32);
    let farthest = json.number_if(&["relative_attention_max_distance"])?.unwrap_or(128);
    if buckets < 4 || farthest <= buckets / 4 {
        return Err(json.refuse(format!(
            "`relative_attention_num_buckets` is {buckets} and `relative_attention_max_distance` is {farthest}, expected at \
             least 4 buckets and a distance beyond those that have a bucket of their own"
        )));
    }
    Ok(Config {
        size: Some(json.number_if(&["d_kv", "head_dim"])?.unwrap_or(64)),
        scale: Some(1.0),
        biases: Biases::NONE,
        activation,
        distance: Some(Distance::Buckets { buckets, farthest }),
        longest: usize::MAX >> 1,
        ..Config::new(
            if gated { &GATED_T5 } else { &T5 },
            layers,
            heads,
            NormStyle::rms(json.epsilon(&["layer_norm_epsilon"], 1e-6)?),
        )
    })
}

/// Whether the feed-forward network is gated, and its activation.
fn feed_forward(json: Json<'_>, model_type: &str) -> Result<(bool, Activation), Error> {
    const KEY: &str = "feed_forward_proj";
    let text = json.text(KEY).unwrap_or(if model_type == "mt5" { "gated-gelu" } else { "relu" });
    let (gated, name) = text.strip_prefix("gated-").map_or((false, text), |name| (true, name));
    let activation = match name {
        // The gate of this name has always been the approximation.
        "gelu" if gated => Activation::GeluTanh,
        "gelu" => Activation::Gelu,
        "gelu_new" => Activation::GeluTanh,
        "relu" => Activation::Relu,
        "silu" | "swish" => Activation::Silu,
        _ => return Err(json.refuse(format!("`{KEY}` is {text:?}, expected relu, gated-gelu or gated-silu"))),
    };
    Ok((gated, activation))
}
