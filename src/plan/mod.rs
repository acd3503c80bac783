//! A recipe and the checkpoints it names, resolved: every output tensor with its sources, its parameters and its place.
//!
//! Only headers and small files are read here. Nothing is written.

mod arguments;
mod build;
mod error;
mod layout;
mod models;
mod modules;
mod options;
mod remarks;
mod slices;
mod source;
mod summary;
mod tensors;
mod types;

pub use error::Error;
pub(crate) use models::resolve;
pub use options::{Allow, Options};
pub use source::Source;
pub use summary::{Group, Summary};
pub use types::{Input, LayerSource, Plan, PlannedFile, PlannedTensor, Work};
