//! The header of a safetensors file.

mod error;
mod parse;

pub use error::HeaderError;
pub use parse::{TensorEntry, parse_header};
