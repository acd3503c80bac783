//! Errors of YAML files, and warnings about what is accepted and probably not meant.

use super::place::Place;

/// Why a file was refused: one sentence, its place, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) place: Option<Box<Place>>,
    pub(crate) hint: Option<String>,
    /// The other faults of the same text.
    pub(crate) others: Vec<Error>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file could not be read.
    File,
    /// The text is not YAML, or not one document within the limits.
    Syntax,
    /// A key or value that the file cannot have.
    Invalid,
    /// A part of mergekit's language that is not supported yet.
    Unsupported,
    /// A variable without a value.
    Variable,
}

impl Error {
    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, as one sentence without its place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place of the fault, if it has one.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// This fault and every other one of the same text, in the order of the text.
    pub fn all(&self) -> Vec<&Self> {
        let mut all: Vec<&Self> = std::iter::once(self).chain(self.others.iter().flat_map(Self::all)).collect();
        all.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
        all
    }

    /// Combines several errors into one, whose message is that of the first; `None` without any.
    pub(crate) fn of(faults: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let mut first = faults.next()?;
        first.others.extend(faults);
        Some(first)
    }

    /// The same error with another hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    /// A fault of the file, which has no place in the text.
    pub(crate) fn file(message: String, hint: Option<String>) -> Self {
        Self { kind: ErrorKind::File, message, place: None, hint, others: Vec::new() }
    }
}

/// Something that is accepted and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// One sentence.
    pub message: String,
    /// Where it is, if it is at one place.
    pub place: Option<Place>,
}

impl Warning {
    /// One that is about no single place.
    pub(crate) fn of_all(message: String) -> Self {
        Self { message, place: None }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Some(place) => write!(f, "line {}: {}", place.line, self.message),
            None => f.write_str(&self.message),
        }
    }
}
