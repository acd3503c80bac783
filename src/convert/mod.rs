//! Weights that torch saved, turned into safetensors. The one place where a pickle is read, and nothing of it is run.

mod copy;
mod error;
mod folder;
mod opcode;
mod pickle;
mod pickle_error;
mod run;
mod state;
mod torch;
mod value;
mod zip;

pub use error::{Error, FileError, StateError};
pub use pickle_error::PickleError;
pub use run::{Conversion, Converted, Outcome, Request};
#[doc(hidden)]
pub use torch::{Found, found_in};
pub use zip::ZipError;
