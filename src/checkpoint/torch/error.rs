//! Why a file that torch saved is refused.

use super::pickle_error::PickleError;
use super::zip::ZipError;
use crate::diagnose::{Diagnose, ExitClass};

/// Why a weight file is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// A format that torch does not write.
    #[error("the file is {found}, not what torch saves")]
    Format {
        /// What it looks like.
        found: &'static str,
    },
    /// A damaged archive.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// An archive without the entries that torch writes.
    #[error("the archive has no `{0}`")]
    NoEntry(String),
    /// A `TorchScript` program.
    #[error("the archive is a TorchScript program, not a state dict")]
    Script,
    /// Numbers in big-endian order.
    #[error("the numbers are in the order `{0}` of bytes, and only little-endian files are read")]
    ByteOrder(String),
    /// A pickle that is too long for a state dict.
    #[error("the pickle has {size} bytes, more than the {limit} that are read of one")]
    LongPickle {
        /// Its size.
        size: usize,
        /// The most that is read.
        limit: usize,
    },
    /// A pickle that is refused.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// An invalid state dict.
    #[error(transparent)]
    State(#[from] StateError),
    /// A storage of another size than the pickle says.
    #[error("the storage `{key}` should have {needed} bytes, and has {found}")]
    Storage {
        /// Its name in the file.
        key: String,
        /// What the pickle asks for.
        needed: u64,
        /// What was found.
        found: u64,
    },
    /// Bytes that do not match their checksum.
    #[error("`{name}` in the archive does not match its checksum: the file is damaged")]
    Checksum {
        /// The entry.
        name: String,
    },
    /// An output that is many times larger than the input.
    #[error("the tensors have {needed} bytes, {times} times the file")]
    Amplified {
        /// Bytes of all tensors.
        needed: u64,
        /// How many times the file.
        times: u64,
    },
    /// Header of the old format.
    #[error("the file begins as torch's old format does, and then has {found}")]
    Legacy {
        /// What was found.
        found: &'static str,
    },
}

impl Diagnose for FileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Pickle(error) => error.hint(),
            Self::Zip(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Format { found: "a git-lfs pointer" } => {
                Some("run git lfs pull in the repository the folder was cloned from".to_owned())
            }
            Self::Storage { .. } | Self::Checksum { .. } => {
                Some("the download may be incomplete; download the model again".to_owned())
            }
            Self::Format { .. }
            | Self::NoEntry(_)
            | Self::Script
            | Self::ByteOrder(_)
            | Self::LongPickle { .. }
            | Self::Amplified { .. }
            | Self::Legacy { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Refused
    }
}

/// Why a pickle is not a state dict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Something other than a dict at the top level.
    #[error("the file holds {found}, not a dict of tensors")]
    NotADict {
        /// What was found.
        found: &'static str,
    },
    /// A key that is not text.
    #[error("the state dict has {found} as a key, not a name")]
    Key {
        /// What was found.
        found: &'static str,
    },
    /// A value that is not a tensor.
    #[error("`{name}` of the state dict is {found}, not a tensor")]
    NotATensor {
        /// The name.
        name: String,
        /// What it is.
        found: &'static str,
    },
    /// A name that safetensors files cannot have, or a duplicate.
    #[error("the tensor name `{name}` is there twice or cannot be used")]
    Name {
        /// The name.
        name: String,
    },
    /// An empty state dict.
    #[error("the state dict has no tensors")]
    NoTensors,
    /// A tensor without bytes.
    #[error("tensor `{name}` lies in the storage `{key}`, which is not there")]
    NoStorage {
        /// The tensor.
        name: String,
        /// The storage.
        key: String,
    },
    /// A tensor whose size overflows.
    #[error("the shape {shape:?} of tensor `{name}` has more bytes than can be counted")]
    Size {
        /// The tensor.
        name: String,
        /// Its dimensions.
        shape: Vec<usize>,
    },
    /// A view beyond the end of its storage.
    #[error("tensor `{name}` of shape {shape:?} reaches past the {available} elements of its storage")]
    OutOfStorage {
        /// The tensor.
        name: String,
        /// Its dimensions.
        shape: Vec<usize>,
        /// The storage's elements.
        available: u64,
    },
}

impl Diagnose for StateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotADict { .. }
            | Self::Key { .. }
            | Self::NotATensor { .. }
            | Self::Name { .. }
            | Self::NoTensors
            | Self::NoStorage { .. }
            | Self::Size { .. }
            | Self::OutOfStorage { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Refused
    }
}
