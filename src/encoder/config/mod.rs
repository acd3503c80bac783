//! Reads the description of a model from config.json.

mod bert;
mod decoder;
mod json;
mod modernbert;
mod read;
mod rope;
mod rotary_bert;
mod shape;

pub(super) use json::Json;
pub(super) use rope::Rope;
pub(super) use shape::{Config, NormStyle, Pattern, Position};
