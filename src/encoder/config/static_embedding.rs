//! A static embedding: a table of token embeddings whose mean is the embedding of a text.

use super::super::tensor_names::STATIC;
use super::shape::{Biases, Config, NormStyle};

impl Config {
    /// The description of a table without layers. There is no config.json to read.
    pub(in crate::encoder) fn static_embedding() -> Self {
        Self {
            size: Some(1),
            biases: Biases::NONE,
            token_types: false,
            position_table: false,
            longest: usize::MAX >> 1,
            ..Self::new(&STATIC, 0, 1, NormStyle::layer(0.0))
        }
    }
}
