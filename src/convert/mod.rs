//! Weights that torch saved, turned into safetensors.

mod copy;
mod error;
mod folder;
mod run;
mod torch;

pub use crate::checkpoint::torch::{FileError, PickleError, StateError, ZipError};
#[doc(hidden)]
pub use crate::checkpoint::torch::{Found, found_in};
pub use error::Error;
pub use run::{Conversion, Converted, Outcome, Request};
