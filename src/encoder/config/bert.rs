//! Models with a table of positions and norms after sublayers, like BERT: bert, xlm-roberta, roberta, camembert,
//! distilbert, mpnet.

use super::super::error::Error;
use super::super::tensor_names::{BERT, DISTILBERT, ELECTRA, JINA2, MPNET};
use super::json::Json;
use super::shape::{Biases, Config, Distance, NormStyle, Position};
use crate::kernel::Activation;

pub(super) fn read(json: Json<'_>, model_type: &str) -> Result<Config, Error> {
    if is_jina2(json) {
        return read_jina2(json);
    }
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
    // Fixed in its code, whatever config.json says.
    let distance = (model_type == "mpnet").then_some(Distance::Buckets { buckets: 32, farthest: 128 });
    Ok(Config {
        activation: json.activation(&["hidden_act", "activation"], Activation::Gelu)?,
        first,
        distance,
        ..Config::new(names, layers, heads, NormStyle::layer(epsilon))
    })
}

/// Whether it is jina-embeddings-v2, which calls itself `bert`.
fn is_jina2(json: Json<'_>) -> bool {
    let class = json.find(&["architectures"]).and_then(|classes| classes.get(0)?.as_str());
    class.is_some_and(|class| class.starts_with("JinaBert"))
}

/// jina-embeddings-v2: a bias by the distance in place of positions, and gates.
fn read_jina2(json: Json<'_>) -> Result<Config, Error> {
    json.expect("position_embedding_type", "alibi")?;
    let activation = match json.text("feed_forward_type") {
        Some("geglu") => Activation::Gelu,
        Some("reglu") => Activation::Relu,
        found => return Err(json.refuse(format!("`feed_forward_type` is {found:?}, expected geglu or reglu"))),
    };
    let (layers, heads) = (json.number(&["num_hidden_layers"])?, json.number(&["num_attention_heads"])?);
    Ok(Config {
        activation,
        biases: Biases { up: false, ..Biases::ALL },
        longest: json.number(&["max_position_embeddings"])?,
        distance: Some(Distance::Linear),
        ..Config::new(&JINA2, layers, heads, NormStyle::layer(json.epsilon(&["layer_norm_eps"], 1e-12)?))
    })
}

/// `electra`: tables that may be narrower than the layers.
pub(super) fn read_electra(json: Json<'_>, _: &str) -> Result<Config, Error> {
    let narrow = json.number_if(&["embedding_size"])?.unwrap_or(128);
    let projected = narrow != json.number_if(&["hidden_size"])?.unwrap_or(256);
    Ok(Config { names: &ELECTRA, projected, ..read(json, "bert")? })
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
