//! The models that were looked at, and the recipe that was chosen for them.

use crate::checkpoint::{Checkpoint, Disagreement};
use crate::method::MergeMethod;

/// A model folder that was opened.
pub(super) struct Model {
    /// Its name as given.
    pub(super) name: String,
    pub(super) checkpoint: Checkpoint,
}

/// The recipe to write, and the reasons for it.
pub(super) struct Choice {
    pub(super) method: &'static MergeMethod,
    /// The base, and why it was chosen.
    pub(super) base: Option<(String, String)>,
    /// The models that are merged, without the base where that is apart.
    pub(super) models: Vec<String>,
    /// Why this method was chosen.
    pub(super) because: String,
    /// The disagreements of the models.
    pub(super) disagreements: Vec<Differing>,
}

/// A disagreement of two models.
pub(super) struct Differing {
    /// The model whose value the output would have.
    pub(super) left: String,
    /// The other model.
    pub(super) right: String,
    pub(super) found: Disagreement,
    /// Whether it is about how models are used.
    pub(super) is_of_use: bool,
}
