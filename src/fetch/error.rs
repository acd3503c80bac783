//! Why a model was not downloaded.

use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::HubModel;
use crate::diagnose::{Diagnose, ExitClass};

/// Why a model was not downloaded. Downloaded parts are kept, and the next run resumes from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model that does not exist or is private.
    #[error("the server has no {} `{model}`, or does not show it (status {status})", model.kind().name())]
    NoModel {
        /// The model.
        model: HubModel,
        /// The status.
        status: u16,
        /// Whether a token was sent.
        token: bool,
    },
    /// A revision that does not exist.
    #[error("the server has `{}`, but not its revision `{}`", .0.name(), .0.revision())]
    NoRevision(HubModel),
    /// A gated model, which needs access.
    #[error("the server refuses `{model}` (status {status}){}", said.as_ref().map(|said| format!(": {said}")).unwrap_or_default())]
    Denied {
        /// The model.
        model: HubModel,
        /// The status.
        status: u16,
        /// What the server says.
        said: Option<String>,
        /// Whether a token was sent.
        token: bool,
    },
    /// A listed file that does not exist.
    #[error("the server lists `{file}` of `{model}`, and does not have it")]
    NoFile {
        /// The model.
        model: HubModel,
        /// The file.
        file: String,
    },
    /// An error status.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// No response.
    #[error("cannot read `{url}`: {reason}")]
    Network {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// An invalid response.
    #[error("the answer of `{url}` {problem}")]
    Answer {
        /// The address.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file name that leads out of the folder.
    #[error("`{model}` lists the file `{file}`, which is not a plain path")]
    Path {
        /// The model.
        model: HubModel,
        /// The name.
        file: String,
    },
    /// A data set without files that are read.
    #[error("`{data}` has no files that admix reads as a retrieval data set")]
    NoData {
        /// The data set.
        data: HubModel,
    },
    /// A model without safetensors weights.
    #[error("`{model}` has no safetensors weights{}", foreign.as_ref().map(|file| format!(", only {file}")).unwrap_or_default())]
    NoWeights {
        /// The model.
        model: HubModel,
        /// Weights that it has in another form.
        foreign: Option<String>,
    },
    /// A file of another size than announced.
    #[error("`{file}` of `{model}` has {found} bytes, and {expected} were announced")]
    Size {
        /// The model.
        model: HubModel,
        /// The file.
        file: String,
        /// What was received.
        found: u64,
        /// What the server announced.
        expected: u64,
    },
    /// A file with another content than announced.
    #[error("`{file}` of `{model}` has the SHA-256 {found}, and {expected} was announced")]
    Hash {
        /// The model.
        model: Box<HubModel>,
        /// The file.
        file: String,
        /// What was received.
        found: String,
        /// What the server announced.
        expected: String,
    },
    /// An invalid setting.
    #[error("{setting} {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// An error in the cache's files.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The caller ended it.
    #[error("interrupted; the same command goes on from here")]
    Cancelled,
}

impl Error {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// Whether it may be temporary.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Network { .. } => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..=599),
            _ => false,
        }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        let login = "set HF_TOKEN, or log in with `hf auth login`";
        match self {
            Self::NoModel { token: false, .. } => Some(format!("if it is private: {login}")),
            Self::Denied { token: false, .. } => Some(login.to_owned()),
            Self::NoModel { .. } => Some("check the name, and that the token may read it".to_owned()),
            Self::Denied { model, .. } => {
                Some(format!("ask for access on the page of `{}`, and check that the token may read it", model.name()))
            }
            Self::NoWeights { model, foreign: Some(_) } => Some(format!(
                "download it with `hf download {}` and turn it into safetensors with `admix convert {} -o FOLDER`",
                model.name(),
                model.name()
            )),
            Self::Network { .. } => {
                Some("the same command goes on from here; HF_ENDPOINT names another server".to_owned())
            }
            Self::Size { .. } | Self::Hash { .. } => {
                Some("it was removed; the same command downloads it again".to_owned())
            }
            Self::NoData { .. } => Some("BEIR, MTEB, MS MARCO and TREC folders and parallel text are read".to_owned()),
            Self::NoRevision(_)
            | Self::NoFile { .. }
            | Self::Status { .. }
            | Self::Answer { .. }
            | Self::Path { .. }
            | Self::NoWeights { .. }
            | Self::Setting { .. }
            | Self::Io { .. }
            | Self::Cancelled => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Cancelled => ExitClass::Interrupted,
            Self::Setting { .. } => ExitClass::Usage,
            Self::Status { .. } | Self::Network { .. } | Self::Io { .. } => ExitClass::Unexpected,
            Self::NoModel { .. }
            | Self::NoRevision(_)
            | Self::NoData { .. }
            | Self::Denied { .. }
            | Self::NoFile { .. }
            | Self::Answer { .. }
            | Self::Path { .. }
            | Self::NoWeights { .. }
            | Self::Size { .. }
            | Self::Hash { .. } => ExitClass::Refused,
        }
    }
}
