//! Converts weights that torch saved to safetensors. Pickles are read only here, and nothing in them is run.

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
