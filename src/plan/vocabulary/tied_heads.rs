//! Heads that are tied to the token embeddings, and biases that have two names.

use serde_json::Value;

use crate::checkpoint::Checkpoint;

/// The key of config.json that says whether the head is tied to the token embeddings.
pub(in crate::plan) const TIED: &str = "tie_word_embeddings";

/// Heads that are tied to the token embeddings where the checkpoint does not have them.
const HEADS: [&str; 5] = [
    "lm_head.weight",
    "lm_head.decoder.weight",
    "output.weight",
    "cls.predictions.decoder.weight",
    "vocab_projector.weight",
];

/// Biases of heads that checkpoints store under one or both of two names: the copy, and the name that is trained.
pub(in crate::plan) const TIED_BIASES: [(&str, &str); 4] = [
    ("cls.predictions.decoder.bias", "cls.predictions.bias"),
    ("lm_head.decoder.bias", "lm_head.bias"),
    ("predictions.decoder.bias", "predictions.bias"),
    ("pred_layer.proj.bias", "pred_layer.bias"),
];

pub(in crate::plan) fn is_tied_head(canonical: &str) -> bool {
    HEADS.contains(&canonical)
}

/// Whether config.json ties the head to the token embeddings. What a missing key means depends on the class.
pub(in crate::plan) fn ties_embeddings(model: &Checkpoint) -> Option<bool> {
    let config = model.config();
    let own = config.get(TIED).and_then(Value::as_bool);
    own.or_else(|| config.get("text_config")?.get(TIED)?.as_bool())
}
