//! Models with a table of positions and norms after sublayers, like BERT: bert, xlm-roberta, roberta, camembert,
//! distilbert, mpnet.

use super::super::error::Error;
use super::super::tensor_names::{BERT, DISTILBERT, MPNET};
use super::json::Json;
use super::shape::{Biases, Config, NormStyle, Pattern, Position};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, model_type: &str) -> Result<Config, Error> {
    json.expect("position_embedding_type", "absolute")?;
    let layers = json.number(&["num_hidden_layers", "n_layers"])?;
    let heads = json.number(&["num_attention_heads", "n_heads"])?;
    // DistilBERT's value is fixed in its code.
    let epsilon = if model_type == "distilbert" { 1e-12 } else { json.epsilon(&["layer_norm_eps"], 1e-12)? };
    let (names, first) = match model_type {
        "bert" => (&BERT, Position::default()),
        "distilbert" => (&DISTILBERT, Position::default()),
        // This does not depend on config.json.
        "mpnet" => (&MPNET, Position { start: 2, padding: Some(1) }),
        _ => (&BERT, behind_padding(json)?),
    };
    Ok(Config {
        names,
        layers,
        heads,
        key_value_heads: heads,
        size: None,
        scale: None,
        norm: NormStyle::layer(epsilon),
        biases: Biases::ALL,
        activation: json.activation(&["hidden_act", "activation"], Activation::Gelu)?,
        first,
        longest: usize::MAX,
        patterns: vec![Pattern::default()],
        layer_patterns: vec![0; layers],
        token_types: true,
        embedding_scale: None,
        overflows: false,
    })
}

/// Position numbers start after the padding token's id.
fn behind_padding(json: Json<'_>) -> Result<Position, Error> {
    let padding = match json.find(&["pad_token_id"]) {
        None => 1,
        Some(value) => {
            let id = value.as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id < u32::MAX);
            id.ok_or_else(|| json.found("pad_token_id", value, "a token's number"))?
        }
    };
    Ok(Position { start: padding + 1, padding: Some(padding) })
}
