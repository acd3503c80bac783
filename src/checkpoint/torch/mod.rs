//! Files that torch saved: the one place where a pickle is read, and nothing of it is run; and the layout of such a file.

mod error;
mod opcode;
mod pickle;
mod pickle_error;
mod read;
mod state;
mod value;
mod write;
mod zip;

pub use error::{FileError, StateError};
pub use pickle_error::PickleError;
pub(crate) use read::read;
#[doc(hidden)]
pub use read::{Found, found_in};
pub(crate) use state::Tensor;
pub(crate) use write::{Checksum, Planned, lay_out};
pub(crate) use zip::Entry;
pub use zip::ZipError;
