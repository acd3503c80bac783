//! Why layers cannot be solved.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, ExitClass};
use crate::recipe::Place;
use crate::{encoder, eval, merge};

/// Why layers cannot be solved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Texts that cannot be read.
    #[error(transparent)]
    Data(#[from] eval::data::Error),
    /// A model that texts cannot run through.
    #[error(transparent)]
    Encoder(#[from] encoder::Error),
    /// A tensor that cannot be read or merged.
    #[error(transparent)]
    Merge(#[from] merge::Error),
    /// A file without texts.
    #[error("`{}` has no texts", path.display())]
    NoTexts {
        /// The file.
        path: PathBuf,
        /// Its place in the recipe.
        place: Option<Box<Place>>,
    },
    /// A flag that differs from tensor to tensor.
    #[error("`merged_activations` must have one value for all tensors")]
    Mixed,
    /// Layers that stand at several depths, of which the first is not solved before texts have passed the last.
    #[error(
        "`merged_activations` needs layers that are solved one after the other, and `{model}` shares one between several depths"
    )]
    SharedLayers {
        /// The model.
        model: String,
    },
    /// Models with different vocabularies.
    #[error("`merged_activations` needs models with one vocabulary, and the recipe merges several")]
    Vocabularies,
    /// A model without layers to solve.
    #[error("`{model}` has no linear layers that all models have")]
    NoLayers {
        /// The model.
        model: String,
    },
    /// A layer whose equations have no solution.
    #[error("tensor `{tensor}`: what its layer gets as inputs is not finite")]
    NotFinite {
        /// The tensor.
        tensor: String,
    },
}

impl Error {
    /// The error as one of the merge.
    pub(super) fn of_merge(self) -> merge::Error {
        match self {
            Self::Merge(error) => error,
            Self::Encoder(encoder::Error::Cancelled) => merge::Error::Cancelled,
            other => merge::Error::Solver(Box::new(other)),
        }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Encoder(error) => error.hint(),
            Self::Merge(error) => error.hint(),
            Self::NoTexts { .. } => Some("a few hundred are enough: a text a line, or jsonl with `text`".into()),
            Self::Mixed => Some("write it without `filter`, at the top of the recipe".into()),
            Self::SharedLayers { .. } | Self::Vocabularies => {
                Some("without `merged_activations` each model's own activations are taken".into())
            }
            Self::NoLayers { .. } | Self::NotFinite { .. } => None,
        }
    }

    fn place(&self) -> Option<&Place> {
        match self {
            Self::NoTexts { place, .. } => place.as_deref(),
            Self::Data(_)
            | Self::Encoder(_)
            | Self::Merge(_)
            | Self::Mixed
            | Self::SharedLayers { .. }
            | Self::Vocabularies
            | Self::NoLayers { .. }
            | Self::NotFinite { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Data(error) => error.exit_class(),
            Self::Encoder(error) => error.exit_class(),
            Self::Merge(error) => error.exit_class(),
            Self::NoTexts { .. } | Self::Mixed | Self::SharedLayers { .. } | Self::Vocabularies => ExitClass::Usage,
            Self::NoLayers { .. } | Self::NotFinite { .. } => ExitClass::Refused,
        }
    }
}
