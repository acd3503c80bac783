//! The stage of a trial: the queries and documents that it is scored on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The stage of a trial: the queries and documents that it is scored on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum TrialStage {
    /// A step of a race: a sample of the search's queries, and some of the documents. No result: the scores are too high.
    Race(usize),
    /// The search's queries and all documents.
    Full,
    /// The queries that are held out, and all documents.
    Confirm,
}

impl fmt::Display for TrialStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Race(step) => write!(f, "race-{step}"),
            Self::Full => f.write_str("full"),
            Self::Confirm => f.write_str("confirm"),
        }
    }
}

impl TrialStage {
    /// What the lists of its queries are called.
    pub(crate) fn queries(self) -> String {
        match self {
            Self::Race(_) => self.to_string(),
            Self::Full => "select".to_owned(),
            Self::Confirm => "report".to_owned(),
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
                let step = text.strip_prefix("race-").and_then(|step| step.parse().ok());
                step.map(Self::Race).ok_or_else(|| format!("`{text}` is no stage"))
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
