//! The values of config.json that a model's computation depends on, their defaults, and the kinds of layers.

mod architecture;
mod class_config;
mod counted;
mod per_layer;
mod rotary;
mod values;

pub use architecture::Architecture;
pub(crate) use per_layer::{LayerKinds, LayerOrigin, kinds as layer_kinds, rearranged};
