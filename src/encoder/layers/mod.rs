//! The layers of a transformer: weights, and plain tensor operations that run on any device.

pub(super) mod attention;
pub(super) mod convolution;
pub(super) mod disentangled;
pub(super) mod linear;
pub(super) mod norm;
pub(super) mod per_layer;
pub(super) mod relative_bias;
pub(super) mod residual;
pub(super) mod rotary;
pub(super) mod token_embeddings;
pub(super) mod token_types;
pub(super) mod transformer_layer;
pub(super) mod values;
