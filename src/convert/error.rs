//! Why a folder was not converted.

use std::path::{Path, PathBuf};

use crate::checkpoint::torch::FileError;
use crate::diagnose::{Diagnose, ExitClass};
use crate::{checkpoint, write};

/// Why a folder was not converted. Nothing of the output is left, and no code in a file was run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder or file that cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A folder without anything to convert.
    #[error("`{}` holds no weights saved by torch", path.display())]
    Nothing {
        /// The folder.
        path: PathBuf,
        /// Whether there are safetensors files.
        safetensors: bool,
    },
    /// A weight file that is refused.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: FileError,
    },
    /// Two files that would be converted to the same name.
    #[error("`{}` and `{}` would both become `{to}`", one.display(), other.display())]
    Clash {
        /// One file.
        one: PathBuf,
        /// The other.
        other: PathBuf,
        /// The output.
        to: String,
    },
    /// A folder with too many levels of subfolders.
    #[error("`{}` lies too deep to be a part of a model", path.display())]
    TooDeep {
        /// The folder.
        path: PathBuf,
    },
    /// The output.
    #[error(transparent)]
    Write(#[from] write::Error),
    /// The caller ended it.
    #[error("interrupted")]
    Cancelled,
}

impl Error {
    pub(super) fn file(path: &Path, source: impl Into<FileError>) -> Self {
        Self::File { path: path.to_owned(), source: source.into() }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Checkpoint(error) => error.hint(),
            Self::Write(error) => error.hint(),
            Self::Nothing { safetensors: true, .. } => Some("it is a safetensors folder already".to_owned()),
            Self::Nothing { .. } => {
                Some("admix converts pytorch_model.bin, its shards, adapter_model.bin, *.pt and *.pth".to_owned())
            }
            Self::File { source, .. } => source.hint(),
            Self::Clash { .. } | Self::TooDeep { .. } | Self::Cancelled => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Checkpoint(error) => error.exit_class(),
            Self::Write(error) => error.exit_class(),
            Self::Cancelled => ExitClass::Interrupted,
            Self::Nothing { .. } | Self::File { .. } | Self::Clash { .. } | Self::TooDeep { .. } => ExitClass::Refused,
        }
    }
}
