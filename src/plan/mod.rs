//! A recipe and the checkpoints it names, resolved: every output tensor with its sources, its parameters and its place.
//!
//! Only headers and small files are read here. Nothing is written.

mod adapted;
mod aligning;
mod alignment;
mod arguments;
mod build;
mod chat_template;
mod config;
mod copies;
mod error;
mod faults;
mod gather;
mod layer_config;
mod layout;
mod lent;
mod models;
mod modules;
mod options;
mod outside;
mod remarks;
mod rows;
mod slices;
mod source;
mod stage;
mod summary;
mod tensors;
mod types;
mod usage;
mod vocabulary;

pub use adapted::Adapted;
pub use alignment::{Alignment, AlignmentMemory};
pub(crate) use config::renumber;
pub use error::Error;
pub use faults::Faults;
pub use gather::{Fallback, Gather, RowCounts};
pub(crate) use layout::{Entry, header, in_file_order};
#[cfg(all(feature = "cli", feature = "hub"))]
pub(crate) use models::is_here;
pub(crate) use models::resolve;
pub use options::{Allow, Options};
pub use outside::Outside;
pub use source::Source;
pub use stage::Stage;
pub use summary::{Document, Group, RowGroup, Summary, VocabularySummary};
pub use types::{ByRow, Gathered, Input, LayerSource, MeanRow, Plan, PlannedFile, PlannedTensor, RowClass, TensorOp};
pub(crate) use usage::to_name as settings_to_name;
