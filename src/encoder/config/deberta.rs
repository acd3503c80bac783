//! `deberta-v2`: attention in which tokens meet the relative positions of others.

use serde_json::Value;

use super::super::error::Error;
use super::super::tensor_names::DEBERTA;
use super::json::Json;
use super::shape::{Config, Disentangled, Distance, NormStyle};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, _: &str) -> Result<Config, Error> {
    json.expect("conv_kernel_size", 0)?;
    json.expect_none("attention_head_size")?;
    let layers = json.number(&["num_hidden_layers"])?;
    let heads = json.number(&["num_attention_heads"])?;
    let width = json.number(&["hidden_size"])?;
    let longest = json.number_if(&["max_position_embeddings"])?.unwrap_or(512);
    let kinds = kinds(json)?;
    let has = |kind: &str| kinds.iter().any(|found| found == kind);
    let terms = 1 + usize::from(has("c2p")) + usize::from(has("p2c"));
    let distance = if json.flag("relative_attention", false)? {
        Some(Distance::Disentangled(Disentangled {
            content_to_position: has("c2p"),
            position_to_content: has("p2c"),
            shared: json.flag("share_att_key", false)?,
            normalised: json.text("norm_rel_ebd").is_some_and(|kinds| listed(kinds).any(|kind| kind == "layer_norm")),
            ..relative_positions(json, longest)?
        }))
    } else {
        None
    };
    let size = width / heads;
    Ok(Config {
        // Every product of two vectors counts in the scale.
        scale: Some(1.0 / ((size * terms) as f32).sqrt()),
        activation: json.activation(&["hidden_act"], Activation::Gelu)?,
        token_types: json.find(&["type_vocab_size"]).and_then(Value::as_u64).unwrap_or(0) > 0,
        position_table: json.flag("position_biased_input", true)?,
        projected: json.number_if(&["embedding_size"])?.is_some_and(|size| size != width),
        longest,
        distance,
        ..Config::new(&DEBERTA, layers, heads, NormStyle::layer(json.epsilon(&["layer_norm_eps"], 1e-7)?))
    })
}

/// The kinds of attention to relative positions: a list, or one text with bars.
fn kinds(json: Json<'_>) -> Result<Vec<String>, Error> {
    const KEY: &str = "pos_att_type";
    let kinds: Vec<String> = match json.find(&[KEY]) {
        None => Vec::new(),
        Some(Value::String(text)) => listed(text).collect(),
        Some(value) => {
            let kinds =
                value.as_array().map(|kinds| kinds.iter().map(|kind| Some(kind.as_str()?.to_owned())).collect());
            kinds.flatten().ok_or_else(|| json.found(KEY, value, "a list of c2p and p2c"))?
        }
    };
    match kinds.iter().find(|kind| !matches!(kind.as_str(), "c2p" | "p2c")) {
        Some(kind) => Err(json.refuse(format!("`{KEY}` has {kind:?}, expected c2p and p2c"))),
        None => Ok(kinds),
    }
}

fn listed(text: &str) -> impl Iterator<Item = String> {
    text.split('|').map(|kind| kind.trim().to_ascii_lowercase()).filter(|kind| !kind.is_empty())
}

/// How many vectors of relative positions there are, and how distances are put in buckets.
fn relative_positions(json: Json<'_>, longest: usize) -> Result<Disentangled, Error> {
    // Negative numbers stand for none.
    let positive = |key: &str| match json.find(&[key]).and_then(Value::as_i64) {
        Some(number) if number < 1 => Ok(None),
        _ => json.number_if(&[key]),
    };
    let farthest = positive("max_relative_positions")?.unwrap_or(longest);
    let buckets = positive("position_buckets")?;
    if let Some(buckets) = buckets.filter(|buckets| *buckets < 2 || farthest <= buckets / 2 + 1) {
        return Err(json.refuse(format!(
            "`position_buckets` is {buckets}, expected 2 to {}",
            farthest.saturating_sub(2).saturating_mul(2).max(2)
        )));
    }
    Ok(Disentangled {
        span: buckets.unwrap_or(farthest),
        farthest: buckets.map(|_| farthest),
        content_to_position: false,
        position_to_content: false,
        shared: false,
        normalised: false,
    })
}
