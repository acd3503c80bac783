//! What config.json says about a model.

mod bert;
mod decoder;
mod json;
mod modernbert;
mod rope;
mod rotary_bert;
mod shape;

pub(super) use rope::Rope;
pub use shape::SUPPORTED;
pub(super) use shape::{Config, NormStyle, Pattern, Position};
