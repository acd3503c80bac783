//! A fault at a node, whose place in the text is looked up later.

use super::error::ErrorKind;
use super::path::NodePath;

/// A fault at a node, found while the tree is read. Its place is looked up when it is shown.
#[derive(Debug)]
pub(crate) struct Diagnostic {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) at: Target,
    pub(super) hint: Option<String>,
    /// Whether it may be a consequence of another fault, in whose presence it is not shown.
    pub(super) follows: bool,
}

/// The part of a node that a fault is about.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// The key that leads to it.
    Key(NodePath),
    /// The node itself.
    Value(NodePath),
}

/// The result of reading a part of the tree.
pub(crate) type Checked<T> = Result<T, Diagnostic>;

impl Diagnostic {
    pub(crate) fn value(at: &NodePath, message: impl Into<String>) -> Self {
        Self::new(Target::Value(at.clone()), message.into())
    }

    pub(crate) fn key(at: &NodePath, message: impl Into<String>) -> Self {
        Self::new(Target::Key(at.clone()), message.into())
    }

    fn new(at: Target, message: String) -> Self {
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

    /// Marks a fault that may be a consequence of another one.
    pub(crate) fn follows(mut self, follows: bool) -> Self {
        self.follows = follows;
        self
    }

    /// The node it is about.
    pub(crate) fn path(&self) -> &NodePath {
        match &self.at {
            Target::Key(path) | Target::Value(path) => path,
        }
    }
}
