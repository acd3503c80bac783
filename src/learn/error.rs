//! Why coefficients cannot be learned.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, Diagnosis, ExitClass};
use crate::recipe::{self, Place};
use crate::{checkpoint, encoder, eval, merge, plan};

/// Why coefficients cannot be learned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model without gradients.
    #[error("learning needs a retriever with one dense vector for each text")]
    NotDense,
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] recipe::Error),
    /// The recipe and its checkpoints do not go together.
    #[error(transparent)]
    Plan(#[from] plan::Errors),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A data set.
    #[error(transparent)]
    Data(#[from] eval::data::Error),
    /// A merge.
    #[error(transparent)]
    Merge(#[from] merge::Error),
    /// A model that cannot be loaded as an encoder, or a text that it cannot encode.
    #[error(transparent)]
    Encoder(#[from] encoder::Error),
    /// A data set that could not be scored.
    #[error(transparent)]
    Score(#[from] eval::ScoreError),
    /// The system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A recipe that has several documents.
    #[error("`{0}` has several documents, and coefficients are learned for recipes of one")]
    Documents(String),
    /// A recipe of slices.
    #[error("`{0}` merges ranges of layers (`slices`), and coefficients are learned for whole models (`models`)")]
    Slices(String),
    /// A method without a parameter to learn.
    #[error("`{method}` has no parameter that can be learned")]
    Method {
        /// The method.
        method: &'static str,
    },
    /// A parameter that cannot be learned.
    #[error("`{name}` is no parameter of `{method}` that can be learned")]
    Parameter {
        /// What was given.
        name: String,
        /// The method.
        method: &'static str,
        /// Those that can be learned.
        known: Vec<&'static str>,
    },
    /// A recipe without a model that has a coefficient.
    #[error("the recipe merges no model that has a coefficient")]
    NothingToLearn,
    /// Neither pairs nor texts.
    #[error("no data set is given")]
    NoData,
    /// Too few pairs.
    #[error("`{set}` has {found} pairs of a query and a relevant document to learn from, expected at least {least}")]
    TooFew {
        /// The data set.
        set: String,
        /// How many there are.
        found: usize,
        /// How many are needed.
        least: usize,
    },
    /// A model that is not one of the recipe's.
    #[error("`{model}` is not a model of the recipe, which merges {}", known.join(", "))]
    UnknownModel {
        /// What was given.
        model: String,
        /// The recipe's models.
        known: Vec<String>,
    },
    /// A similarity without a gradient.
    #[error("the merge compares embeddings by `{0}`, and coefficients are learned for cosine and dot product")]
    Similarity(String),
    /// A loss that is not a number.
    #[error("the loss of the recipe as it is is not finite")]
    NotFinite,
    /// The caller ended it.
    #[error("interrupted")]
    Cancelled,
}

impl Error {
    pub(super) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    fn inner(&self) -> Option<&dyn Diagnose> {
        Some(match self {
            Self::Recipe(error) => error,
            Self::Plan(error) => error,
            Self::Checkpoint(error) => error,
            Self::Data(error) => error,
            Self::Merge(error) => error,
            Self::Encoder(error) => error,
            Self::Score(error) => error,
            Self::Io { .. }
            | Self::Documents(_)
            | Self::Slices(_)
            | Self::Method { .. }
            | Self::Parameter { .. }
            | Self::NotDense
            | Self::NothingToLearn
            | Self::NoData
            | Self::TooFew { .. }
            | Self::UnknownModel { .. }
            | Self::Similarity(_)
            | Self::NotFinite
            | Self::Cancelled => return None,
        })
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Parameter { known, method, .. } if known.is_empty() => {
                Some(format!("`{method}` has none; `linear` and `task_arithmetic` have a weight for each model"))
            }
            Self::Parameter { known, .. } => Some(format!("there are {}", known.join(", "))),
            Self::Method { .. } => Some("`linear` and `task_arithmetic` have a weight for each model".to_owned()),
            Self::Documents(_) => Some("merge the other documents first and name their folders".to_owned()),
            Self::TooFew { .. } => Some("a smaller `--hold-out` leaves more of them to learn from".to_owned()),
            other => other.inner()?.hint(),
        }
    }

    fn place(&self) -> Option<&Place> {
        self.inner()?.place()
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Io { .. } => ExitClass::Unexpected,
            Self::TooFew { .. } => ExitClass::Refused,
            Self::NotFinite => ExitClass::Evaluation,
            Self::Cancelled => ExitClass::Interrupted,
            other => other.inner().map_or(ExitClass::Usage, Diagnose::exit_class),
        }
    }

    fn diagnoses(&self) -> Vec<Diagnosis> {
        self.inner().map_or_else(|| vec![Diagnosis::of(self)], Diagnose::diagnoses)
    }
}
