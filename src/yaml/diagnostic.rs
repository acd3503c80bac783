//! What is wrong with a node: its place is looked up later.

use super::error::ErrorKind;
use super::path::NodePath;

/// Something wrong with a node, found while the tree is read; its place is looked up when it is shown.
#[derive(Debug)]
pub(crate) struct Diagnostic {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
    pub(super) at: Target,
    pub(super) hint: Option<String>,
    /// Whether it may only follow from another fault, beside which it is not shown.
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

/// What reading a part of the tree gives.
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

    /// Marks a fault that may only follow from another one.
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
