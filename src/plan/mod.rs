//! A recipe and the checkpoints it names, resolved: every output tensor with its sources, its parameters and its place.
//!
//! Only headers and small files are read here. Nothing is written.

mod adapted;
mod build;
mod chat_template;
mod config;
mod diagnose;
mod error;
mod errors;
mod layout;
mod models;
mod non_layer_tensors;
mod open_models;
mod options;
mod soup;
mod source;
mod stage;
mod summary;
mod tensors;
mod texts;
mod types;
mod usage;
mod vocabulary;

pub use adapted::Adapted;
pub(crate) use config::renumber;
pub use error::Error;
pub use errors::Errors;
pub(crate) use layout::{Entry, header, in_file_order};
#[cfg(all(feature = "cli", feature = "hub"))]
pub(crate) use models::is_here;
pub(crate) use models::resolve;
pub use non_layer_tensors::NonLayerSlices;
pub use options::{Allow, Options};
pub use soup::{SoupSummary, Weighed};
pub use source::Source;
pub use summary::{Document, Group, RowGroup, Summary, VocabularySummary};
pub use texts::TextsSummary;
pub use types::{Gathered, Input, LayerSource, MeanRow, Plan, PlannedFile, PlannedTensor, Stage, TensorOp};
pub(crate) use usage::to_name as settings_to_name;
pub use vocabulary::{Alignment, AlignmentMemory, ByRow, Fallback, Gather, RowClass, RowCounts};
