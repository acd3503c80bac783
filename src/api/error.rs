//! The error of merges, scorings and sweeps.

use std::path::PathBuf;

use crate::diagnose::{Diagnose, Diagnosis, ExitClass};
use crate::recipe::{self, Place};
use crate::{checkpoint, eval, merge, plan, sweep, write};

/// Why a [`Merge`](crate::Merge), a [`Score`](crate::Score) or a [`Sweep`](crate::Sweep) ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe or a sweep file.
    #[error(transparent)]
    Recipe(#[from] recipe::Error),
    /// A recipe that does not fit its checkpoints.
    #[error(transparent)]
    Plan(#[from] plan::Errors),
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A merge.
    #[error(transparent)]
    Merge(#[from] merge::Error),
    /// An output folder.
    #[error(transparent)]
    Write(#[from] write::Error),
    /// A data set.
    #[error(transparent)]
    Data(#[from] eval::data::Error),
    /// A ranking of a first stage.
    #[error(transparent)]
    Run(#[from] eval::Error),
    /// Another number of rankings than of data sets.
    #[error("{given} rankings of a first stage are given for {needed} data sets")]
    Runs {
        /// How many are given.
        given: usize,
        /// How many data sets there are.
        needed: usize,
    },
    /// An unknown metric.
    #[error(transparent)]
    Metric(#[from] eval::MetricError),
    /// A study.
    #[error(transparent)]
    Sweep(#[from] sweep::Error),
    /// A model that cannot be loaded as an encoder.
    #[cfg(feature = "eval")]
    #[error(transparent)]
    Encoder(#[from] crate::encoder::Error),
    /// A data set that could not be scored.
    #[cfg(feature = "eval")]
    #[error(transparent)]
    Score(#[from] eval::ScoreError),
    /// A recipe whose values cannot be learned.
    #[cfg(feature = "eval")]
    #[error(transparent)]
    Learn(#[from] crate::learn::Error),
    /// Texts that cannot run through the models of a merge.
    #[cfg(feature = "eval")]
    #[error(transparent)]
    Regmean(#[from] crate::regmean::Error),
    /// A model with an unknown similarity.
    #[error("`{}` compares embeddings by `{name}`, which is unknown", model.display())]
    Similarity {
        /// The model folder.
        model: PathBuf,
        /// The name of the similarity.
        name: String,
    },
    /// An unknown name in [`Merge::allow`](crate::Merge::allow).
    #[error("`{0}` is nothing that can be allowed")]
    Allow(String),
    /// A scoring without a data set.
    #[error("no data set is given")]
    NoData,
}

impl Error {
    /// The error that it stands for, where it is another module's.
    fn inner(&self) -> Option<&dyn Diagnose> {
        Some(match self {
            Self::Recipe(error) => error,
            Self::Plan(faults) => faults,
            Self::Checkpoint(error) => error,
            Self::Merge(error) => error,
            Self::Write(error) => error,
            Self::Data(error) => error,
            Self::Run(error) => error,
            Self::Metric(error) => error,
            Self::Sweep(error) => error,
            #[cfg(feature = "eval")]
            Self::Encoder(error) => error,
            #[cfg(feature = "eval")]
            Self::Score(error) => error,
            #[cfg(feature = "eval")]
            Self::Learn(error) => error,
            #[cfg(feature = "eval")]
            Self::Regmean(error) => error,
            Self::Similarity { .. } | Self::Runs { .. } | Self::Allow(_) | Self::NoData => return None,
        })
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        if let Self::Allow(_) = self {
            let names: Vec<&str> = plan::Allow::names().into_iter().map(|(name, _)| name).collect();
            return Some(format!("there are {}", names.join(", ")));
        }
        self.inner()?.hint()
    }

    fn place(&self) -> Option<&Place> {
        self.inner()?.place()
    }

    fn exit_class(&self) -> ExitClass {
        self.inner().map_or(ExitClass::Usage, Diagnose::exit_class)
    }

    fn diagnoses(&self) -> Vec<Diagnosis> {
        self.inner().map_or_else(|| vec![Diagnosis::of(self)], Diagnose::diagnoses)
    }
}
