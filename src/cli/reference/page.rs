//! A page of the manual.

/// A page of the manual.
pub(in crate::cli) struct Page {
    /// Its file, relative to the folder of the reference.
    pub(in crate::cli) file: String,
    /// Its text, in Markdown.
    pub(in crate::cli) text: String,
}
