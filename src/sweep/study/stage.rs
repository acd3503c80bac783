//! The stage of a trial: the queries and documents that it is scored on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The stage of a trial: the queries and documents that it is scored on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum TrialStage {
    /// The search's queries, and this many documents of each data set. Such scores are too high to be results.
    Pool(usize),
    /// The search's queries and all documents.
    Full,
    /// The queries that are held out, and all documents.
    Confirm,
}

impl fmt::Display for TrialStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(size) => write!(f, "pool-{size}"),
            Self::Full => f.write_str("full"),
            Self::Confirm => f.write_str("confirm"),
        }
    }
}

impl FromStr for TrialStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self::Full),
            "confirm" => Ok(Self::Confirm),
            _ => {
                let size = text.strip_prefix("pool-").and_then(|size| size.parse().ok());
                size.map(Self::Pool).ok_or_else(|| format!("`{text}` is no stage"))
            }
        }
    }
}

impl From<TrialStage> for String {
    fn from(stage: TrialStage) -> Self {
        stage.to_string()
    }
}

impl TryFrom<String> for TrialStage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
