//! How documents are found.

use std::fmt;
use std::str::FromStr;

use super::error::Error;

/// How documents are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retrieval {
    /// By the similarity of dense vectors.
    Dense,
    /// By the tokens that sparse vectors share.
    Sparse,
    /// By the most similar vectors of the tokens of both.
    Late,
}

impl Retrieval {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Sparse, Self::Late];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Sparse => "sparse",
            Self::Late => "late",
        }
    }
}

impl fmt::Display for Retrieval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Retrieval {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| Error::UnknownRetrieval(text.to_owned()))
    }
}
