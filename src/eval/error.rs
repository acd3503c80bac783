//! Why judgements or a run cannot be used.

use std::path::PathBuf;

use super::numbered::{Unreadable, UnreadableLine};
use crate::diagnose::{Diagnose, ExitClass};

/// Why judgements or a run cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused, or compressed data is broken.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system refused.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line that cannot be read.
    #[error("`{}`, line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: LineError,
    },
    /// A file without content.
    #[error("`{}` holds no {what}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// Judgements and run of different query sets.
    #[error("no query of `{}` is judged in `{}`", run.display(), qrels.display())]
    NoCommonQuery {
        /// The run.
        run: PathBuf,
        /// The judgements.
        qrels: PathBuf,
    },
    /// A run without any query of a data set.
    #[error("no query of `{set}` is in `{}`", run.display())]
    NoQueryOfSet {
        /// The run.
        run: PathBuf,
        /// The data set.
        set: String,
    },
    /// A ranked document that is not in the data set.
    #[error("`{}` ranks document `{document}` for query `{query}`, which `{set}` does not have", run.display())]
    UnknownDocument {
        /// The run.
        run: PathBuf,
        /// The data set.
        set: String,
        /// The query.
        query: String,
        /// The document.
        document: String,
    },
    /// An id that a TREC file cannot carry.
    #[error("cannot write `{}`: the id {id:?} is empty or holds white space", path.display())]
    Id {
        /// The file.
        path: PathBuf,
        /// The id.
        id: String,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Too few or too many fields.
    #[error("{found} {}, expected {expected}", if *found == 1 { "field" } else { "fields" })]
    Fields {
        /// The number of fields.
        found: usize,
        /// The fields' names.
        expected: &'static str,
    },
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 at byte {0} of the line")]
    NotUtf8(usize),
    /// A line that is too long.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// A quoted field that does not end.
    #[error("the quote of field {0} does not end on its line")]
    Quote(usize),
    /// A first line whose names do not say which column is which.
    #[error("{0}")]
    Columns(String),
    /// A grade that is not a whole number.
    #[error("the grade `{0}` is not a whole number")]
    Grade(String),
    /// A score that is not a number.
    #[error("the score `{0}` is not a number")]
    Score(String),
    /// A score that is NaN.
    #[error("the score of document `{0}` is NaN")]
    NotANumber(String),
    /// A document that is listed twice for a query.
    #[error("document `{document}` of query `{query}` is already on line {first}")]
    Duplicate {
        /// The query.
        query: String,
        /// The document.
        document: String,
        /// The line of its first occurrence.
        first: u64,
    },
    /// A line that is not a labelled example.
    #[error("no example: {0}")]
    Example(String),
    /// An id that is empty.
    #[error("the {0} id is empty")]
    EmptyId(&'static str),
}

impl From<UnreadableLine> for Error {
    fn from(UnreadableLine { path, line, reason }: UnreadableLine) -> Self {
        match reason {
            Unreadable::Read(source) => Self::Read { path, source },
            Unreadable::TooLong(most) => Self::Line { path, line, problem: LineError::TooLong(most) },
            Unreadable::NotUtf8(at) => Self::Line { path, line, problem: LineError::NotUtf8(at) },
        }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Line { problem, .. } => problem.hint(),
            Self::Read { .. }
            | Self::Write { .. }
            | Self::Empty { .. }
            | Self::NoCommonQuery { .. }
            | Self::NoQueryOfSet { .. }
            | Self::UnknownDocument { .. }
            | Self::Id { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Write { .. } => ExitClass::Unexpected,
            Self::Read { .. }
            | Self::Line { .. }
            | Self::Empty { .. }
            | Self::NoCommonQuery { .. }
            | Self::NoQueryOfSet { .. }
            | Self::UnknownDocument { .. }
            | Self::Id { .. } => ExitClass::Refused,
        }
    }
}

impl Diagnose for LineError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fields { .. } => "fields are separated by white space, and an id holds none",
            Self::Duplicate { .. } => "remove one of the two lines; trec_eval refuses this as well",
            Self::NotANumber(_) => "NaN has no place in a ranking; look for it in the embeddings",
            Self::Grade(_) => "grades are whole numbers: relevant from 1 up, not relevant at 0 and below",
            Self::Example(_) => "an example is {\"query\": \"…\", \"pos\": [\"…\"], \"neg\": [\"…\"]}",
            Self::NotUtf8(_)
            | Self::TooLong(_)
            | Self::Quote(_)
            | Self::Columns(_)
            | Self::Score(_)
            | Self::EmptyId(_) => return None,
        };
        Some(hint.to_owned())
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Refused
    }
}
