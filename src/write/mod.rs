//! Writes a merge to a folder that appears whole or not at all.

mod card;
mod error;
mod files;
mod folder;
mod folder_ops;
mod record;
mod request;
mod tokenizer;

pub use error::Error;
pub(crate) use files::reserve;
pub(crate) use folder::OutputFolder;
pub(crate) use record::RECORD;
pub use request::Outcome;
pub(crate) use request::write_file;
#[doc(hidden)]
pub use request::{Request, write};
