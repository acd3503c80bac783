//! Why an output folder was not written.

use std::io;
use std::path::{Path, PathBuf};

use crate::diagnose::{Diagnose, ExitClass};
use crate::{checkpoint, merge};

/// An output folder that was not written. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The output is already there.
    #[error("`{}` already exists", .0.display())]
    Exists(PathBuf),
    /// `--force` on a folder that is not a merge.
    #[error("`{}` was not written by admix and is not replaced", .0.display())]
    NotAMerge(PathBuf),
    /// Another run has written its output there since this one began.
    #[error("another run has written `{}` meanwhile, and its output stays", .0.display())]
    Rival(PathBuf),
    /// The output lies inside an input.
    #[error("the output `{}` lies inside the input `{}`", out.display(), input.display())]
    InsideInput {
        /// The output.
        out: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// The output is an input, or a folder above one.
    #[error("the output `{}` holds the input `{}`", out.display(), input.display())]
    HoldsInput {
        /// The output.
        out: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// A path that does not name a folder.
    #[error("`{}` does not name a folder to write", .0.display())]
    NoName(PathBuf),
    /// Too little disk space.
    #[error("no room for `{}`{}: {source}", path.display(), needed.map(|bytes| format!(" ({bytes} bytes)")).unwrap_or_default())]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Its size.
        needed: Option<u64>,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder that could not be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried: "create", "write", ….
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A tokenizer that can no longer be read.
    #[error(transparent)]
    Checkpoint(checkpoint::Error),
    /// The merge ended early.
    #[error(transparent)]
    Merge(merge::Error),
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::from_io(action, path, None, source)
    }

    pub(crate) fn from_io(action: &'static str, path: PathBuf, needed: Option<u64>, source: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        if matches!(source.kind(), FileTooLarge | QuotaExceeded | StorageFull) {
            Self::NoRoom { path, needed, source }
        } else {
            Self::Io { action, path, source }
        }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Exists(_) => Some("`--force` replaces it once the new one is complete".into()),
            Self::Rival(_) => Some("one run at a time for one output, or an output for each".into()),
            Self::NotAMerge(_) => Some("`--force` replaces folders that hold an admix.json, and empty ones".into()),
            Self::HoldsInput { .. } | Self::InsideInput { .. } => Some("choose a folder beside the inputs".into()),
            Self::Merge(error) => error.hint(),
            Self::Checkpoint(error) => error.hint(),
            Self::NoName(_) | Self::NoRoom { .. } | Self::Io { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Merge(error) => error.exit_class(),
            Self::Checkpoint(error) => error.exit_class(),
            Self::NoRoom { .. } | Self::Io { .. } => ExitClass::Unexpected,
            Self::Exists(_)
            | Self::Rival(_)
            | Self::NotAMerge(_)
            | Self::InsideInput { .. }
            | Self::HoldsInput { .. }
            | Self::NoName(_) => ExitClass::Usage,
        }
    }
}

impl From<merge::Error> for Error {
    /// Returns a sink's own error unchanged.
    fn from(error: merge::Error) -> Self {
        match error {
            merge::Error::Sink(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::Merge(merge::Error::Sink(other)),
            },
            other => Self::Merge(other),
        }
    }
}
