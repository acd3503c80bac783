//! Why a recipe was refused.

use super::types::{NodePath, Place};

/// A recipe that was refused: one sentence, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) place: Option<Box<Place>>,
    pub(super) hint: Option<String>,
    /// What else is wrong with the same text.
    pub(super) others: Vec<Error>,
}

/// What sort of refusal an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file could not be read.
    File,
    /// The text is not YAML, or not one document within the limits.
    Syntax,
    /// A key or value that a recipe cannot have.
    Invalid,
    /// A part of mergekit's language that is not supported yet.
    Unsupported,
    /// A variable without a value.
    Variable,
}

impl Error {
    /// The sort of refusal.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What is wrong, as one sentence without its place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it is wrong, if it is at one place.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// This fault and every other one of the same text, in the order in which they stand there.
    pub fn all(&self) -> Vec<&Self> {
        let mut all: Vec<&Self> = std::iter::once(self).chain(self.others.iter().flat_map(Self::all)).collect();
        all.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
        all
    }

    /// One error for several; `None` without any. The first is the one that the sentence tells.
    pub(crate) fn of(faults: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut faults = faults.into_iter();
        let mut first = faults.next()?;
        first.others.extend(faults);
        Some(first)
    }

    /// A fault of the file, which has no place in the text.
    pub(super) fn file(message: String, hint: Option<String>) -> Self {
        Self { kind: ErrorKind::File, message, place: None, hint, others: Vec::new() }
    }
}

/// A fault while the tree is read: an [`Error`] whose place is not looked up yet.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) at: Spot,
    pub(super) hint: Option<String>,
    /// Whether it may only follow from another fault, beside which it is not shown.
    pub(super) follows: bool,
}

/// The part of a node that a fault is about.
#[derive(Clone, Debug)]
pub(crate) enum Spot {
    /// The key that leads to it.
    Key(NodePath),
    /// The node itself.
    Value(NodePath),
}

/// What reading a part of the tree gives.
pub(crate) type Checked<T> = Result<T, Fault>;

impl Fault {
    pub(crate) fn value(at: &NodePath, message: impl Into<String>) -> Self {
        Self::new(Spot::Value(at.clone()), message.into())
    }

    pub(crate) fn key(at: &NodePath, message: impl Into<String>) -> Self {
        Self::new(Spot::Key(at.clone()), message.into())
    }

    fn new(at: Spot, message: String) -> Self {
        Self { kind: ErrorKind::Invalid, message, at, hint: None, follows: false }
    }

    pub(crate) fn kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Marks a fault that may only follow from another one.
    pub(crate) fn follows(mut self, follows: bool) -> Self {
        self.follows = follows;
        self
    }

    /// The node it is about.
    pub(super) fn path(&self) -> &NodePath {
        match &self.at {
            Spot::Key(path) | Spot::Value(path) => path,
        }
    }
}

/// A text from a recipe, quoted and short enough for a message.
pub(crate) fn shown(text: &str) -> String {
    format!("`{}`", crate::shown::shown(text))
}

/// A text from a recipe as a hint suggests writing it: as it is, or in quotes where a terminal would not show it.
pub(super) fn written(text: &str) -> String {
    let hidden = |c: char| c.escape_debug().len() > 1 && !matches!(c, '"' | '\'' | '\\');
    if text.contains(hidden) { format!("{text:?}") } else { text.to_owned() }
}
