//! Why a study cannot be created, read or worked on.

use std::path::{Path, PathBuf};

use crate::diagnose::{Diagnose, Diagnosis, ExitClass};
use crate::escape::shell;
use crate::recipe::{self, Place};
use crate::{checkpoint, eval, merge, plan, write};

/// Why a study cannot be created, read or worked on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recipe or the sweep file.
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
    /// A merged checkpoint that cannot be written.
    #[error(transparent)]
    Write(#[from] write::Error),
    /// The system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder that is not a study.
    #[error("`{}` is no study: it has no study.json", .0.display())]
    NotAStudy(PathBuf),
    /// A file of a study that is not what this program writes.
    #[error("`{}` is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Damaged files that were set aside.
    #[error("the study `{}` was damaged: {files} of its files", study.display())]
    Found {
        /// The study's folder.
        study: PathBuf,
        /// How many files.
        files: usize,
    },
    /// A study of other inputs.
    #[error("the study `{}` was made from something else:\n  {}", study.display(), differences.join("\n  "))]
    Mismatch {
        /// The study's folder.
        study: PathBuf,
        /// What differs, one line each.
        differences: Vec<String>,
    },
    /// More points than the limit.
    #[error("{what} has {points} points, and {limit}")]
    TooManyPoints {
        /// The grid.
        what: &'static str,
        /// How many points it has, or a bound.
        points: String,
        /// What limits them.
        limit: String,
    },
    /// A direction that a data set does not have.
    #[error("the objective `{objective}` names the direction `{direction}` of `{data}`, which has {found}")]
    Direction {
        /// The objective.
        objective: String,
        /// The direction.
        direction: String,
        /// The data set.
        data: String,
        /// Its directions.
        found: String,
    },
    /// A part of the queries that is empty.
    #[error("no query of `{0}` is in the part that the sweep file asks for")]
    NoQueries(String),
    /// An invalid request.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Scoring failed in a way in which every trial would fail.
    #[error("{message}")]
    Evaluation {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The caller ended it.
    #[error("interrupted; the same command goes on from here")]
    Cancelled,
}

impl Error {
    /// Wraps an error of the system.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }
}

impl Error {
    /// The error that it stands for, where it is another module's.
    fn inner(&self) -> Option<&dyn Diagnose> {
        Some(match self {
            Self::Recipe(error) => error,
            Self::Plan(faults) => faults,
            Self::Checkpoint(error) => error,
            Self::Data(error) => error,
            Self::Merge(error) => error,
            Self::Write(error) => error,
            Self::Io { .. }
            | Self::NotAStudy(_)
            | Self::Damaged { .. }
            | Self::Found { .. }
            | Self::Mismatch { .. }
            | Self::TooManyPoints { .. }
            | Self::Direction { .. }
            | Self::NoQueries(_)
            | Self::Usage { .. }
            | Self::Evaluation { .. }
            | Self::Cancelled => return None,
        })
    }
}

/// Whether a file is of a study's later revision, which has a folder of its own.
fn has_part(path: &Path) -> bool {
    let is_part = |folder: &&Path| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("revision-") && folder.parent().is_some_and(|study| study.join("study.json").exists())
    };
    path.ancestors().skip(1).take(2).any(|folder| is_part(&folder))
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Recipe(_)
            | Self::Plan(_)
            | Self::Checkpoint(_)
            | Self::Data(_)
            | Self::Merge(_)
            | Self::Write(_) => self.inner()?.hint(),
            Self::Mismatch { differences, .. } if differences.iter().any(|line| line.starts_with("the program: ")) => Some(
                "go on with that version, or start a new study with another `store:`; reports, exports and picks of this \
                 one still work"
                    .into(),
            ),
            Self::Mismatch { .. } => {
                Some("another `store:` starts a new study; values of `params`, data sets, objectives and `report` can be added to this one".into())
            }
            Self::Found { study, .. } => {
                Some(format!("`admix sweep worker {}` does again what was lost", shell(&study.display().to_string())))
            }
            Self::NotAStudy(_) => Some("`admix sweep run SWEEP.yaml` makes one".into()),
            Self::TooManyPoints { .. } => Some("take a larger step or another `search: {method: …}`".into()),
            Self::Damaged { path, .. } if path.file_name().is_some_and(|name| name == "study.json") && has_part(path) => Some(
                "put it back from a copy; without the folder that it is in, and those of later changes, the study is what it was before"
                    .into(),
            ),
            Self::Damaged { path, .. } if path.file_name().is_some_and(|name| name == "study.json") => Some(
                "nothing in the folder can be told without it: put it back from a copy, or start a new study with another \
                 `store:`"
                    .into(),
            ),
            Self::Damaged { path, .. } => {
                let revision = path.parent().and_then(Path::parent).unwrap_or(path);
                let study = if has_part(path) { revision.parent().unwrap_or(revision) } else { revision };
                let study = shell(&study.display().to_string());
                Some(format!("`admix sweep check {study}` sets damaged files aside and has their trials scored again"))
            }
            Self::Usage { hint, .. } | Self::Evaluation { hint, .. } => hint.clone(),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free some space and run the same command again: what is done stays done".into())
            }
            Self::Io { .. } | Self::Direction { .. } | Self::NoQueries(_) | Self::Cancelled => None,
        }
    }

    fn place(&self) -> Option<&Place> {
        self.inner()?.place()
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Recipe(error) => error.exit_class(),
            Self::Plan(faults) => faults.exit_class(),
            Self::Checkpoint(error) => error.exit_class(),
            Self::Data(error) => error.exit_class(),
            Self::Merge(error) => error.exit_class(),
            Self::Write(error) => error.exit_class(),
            Self::Mismatch { .. } => ExitClass::Mismatch,
            Self::Evaluation { .. } => ExitClass::Evaluation,
            Self::Cancelled => ExitClass::Interrupted,
            Self::Io { .. } => ExitClass::Unexpected,
            Self::NotAStudy(_) | Self::TooManyPoints { .. } | Self::Direction { .. } | Self::Usage { .. } => {
                ExitClass::Usage
            }
            Self::Damaged { .. } | Self::Found { .. } | Self::NoQueries(_) => ExitClass::Refused,
        }
    }

    fn diagnoses(&self) -> Vec<Diagnosis> {
        self.inner().map_or_else(|| vec![Diagnosis::of(self)], Diagnose::diagnoses)
    }
}
