//! Writes a merge to a folder that appears whole or not at all.

mod card;
mod error;
mod files;
mod folder;
mod folder_ops;
mod record;
mod request;
mod scores;
mod tokenizer;

pub use error::Error;
pub(crate) use files::reserve;
pub(crate) use folder::OutputFolder;
pub(crate) use record::RECORD;
pub(crate) use request::write_file;
pub use request::{Extras, Outcome};
#[doc(hidden)]
pub use request::{Request, write, write_with};
pub use scores::{CardScores, MetricScore, SetScore};
