//! Where a module lies, what it is, and which texts go through it.

use super::hub_model::stays_inside;

/// The texts that go through a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Queries do.
    pub queries: bool,
    /// Documents do.
    pub documents: bool,
}

impl Roles {
    /// All texts.
    pub const ALL: Self = Self { queries: true, documents: true };
}

/// The folder and kind of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) folder: String,
    pub(crate) kind: String,
    pub(crate) roles: Roles,
}

impl Place {
    pub(crate) fn is_transformer(&self) -> bool {
        is_transformer(&self.kind)
    }
}

/// Whether this kind of module loads a model of the transformers library.
pub(super) fn is_transformer(kind: &str) -> bool {
    kind.ends_with("Transformer")
}

/// Whether a module's folder is the checkpoint's own or a plain name inside it.
pub(super) fn is_plain(folder: &str) -> bool {
    (folder.is_empty() || stays_inside(folder)) && !folder.contains(char::is_control)
}
