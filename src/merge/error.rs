//! Why a merge ended early.

use super::SinkError;
use crate::diagnose::{Diagnose, ExitClass};

/// A merge that ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An input contains NaN or infinity.
    #[error("tensor `{tensor}` of `{model}` holds NaN or infinity")]
    NonFinite {
        /// The tensor.
        tensor: String,
        /// The model.
        model: String,
    },
    /// A result that its dtype cannot represent.
    #[error("tensor `{tensor}` becomes too large for {dtype}")]
    Overflow {
        /// The tensor.
        tensor: String,
        /// The output's format.
        dtype: String,
    },
    /// A copied tensor that differs between the models.
    #[error("tensor `{tensor}` ({dtype}) can only be copied, and differs between `{left}` and `{right}`")]
    CopiesDiffer {
        /// The tensor.
        tensor: String,
        /// Its format.
        dtype: String,
        /// The first model.
        left: String,
        /// The model that differs from it.
        right: String,
    },
    /// An input that can no longer be read.
    #[error("cannot read tensor `{tensor}` of `{file}`: {source}")]
    Read {
        /// The tensor.
        tensor: String,
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A method's coefficients cannot be computed.
    #[error("tensor `{tensor}`: {reason}")]
    Coefficients {
        /// The tensor.
        tensor: String,
        /// The reason.
        reason: String,
    },
    /// A method that needs texts, and none were run through the models.
    #[error("`{method}` runs texts through the models, which cannot be done here")]
    NoSolver {
        /// The method.
        method: &'static str,
    },
    /// The tensors that texts are needed for cannot be computed.
    #[error("{0}")]
    Solver(Box<dyn Diagnose + Send + Sync>),
    /// The output cannot be written.
    #[error("{0}")]
    Sink(SinkError),
    /// The caller ended it.
    #[error("interrupted")]
    Cancelled,
    /// The threads cannot be started.
    #[error("cannot start the worker threads: {0}")]
    Threads(String),
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NonFinite { .. } => Some("`--allow non-finite` goes on all the same".into()),
            Self::Overflow { .. } => Some("choose a wider `out_dtype`, or `--allow non-finite`".into()),
            Self::NoSolver { .. } if cfg!(not(feature = "eval")) => {
                Some("this build is without the feature `eval`, which runs models".into())
            }
            Self::NoSolver { .. } => Some("`admix merge` does it".into()),
            Self::Solver(error) => error.hint(),
            Self::CopiesDiffer { .. }
            | Self::Read { .. }
            | Self::Coefficients { .. }
            | Self::Sink(_)
            | Self::Cancelled
            | Self::Threads(_) => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Cancelled => ExitClass::Interrupted,
            Self::Solver(error) => error.exit_class(),
            Self::Coefficients { .. } | Self::NoSolver { .. } => ExitClass::Usage,
            Self::NonFinite { .. } | Self::Overflow { .. } | Self::CopiesDiffer { .. } => ExitClass::Refused,
            Self::Read { .. } | Self::Sink(_) | Self::Threads(_) => ExitClass::Unexpected,
        }
    }
}
