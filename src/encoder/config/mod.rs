//! Reads the description of a model from config.json.

mod albert;
mod bert;
mod deberta;
mod decoder;
mod embedding_gemma2;
mod json;
mod lfm2;
mod modernbert;
mod read;
mod rope;
mod rotary_bert;
mod shape;
mod static_embedding;

mod t5;

pub(super) use json::Json;
pub(super) use rope::Rope;
pub(super) use shape::{Config, Disentangled, Distance, NormStyle, Pattern, Position};
