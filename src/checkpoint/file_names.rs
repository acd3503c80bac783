//! Names of files in model folders.

/// The list of modules, at the top of a sentence-transformers folder.
pub(crate) const MODULES: &str = "modules.json";
