//! Parameters that differ between the rows of a vocabulary tensor.

use std::sync::Arc;

use crate::method::Arguments;

/// Parameters that differ between the rows of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct ByRow {
    /// The group of each token, by id.
    pub(in crate::plan) group_of_token: Arc<[u8]>,
    /// The group of rows after the last token.
    pub(in crate::plan) rest: u8,
    /// The class of each group, an index into `classes`.
    pub(in crate::plan) class_of_group: Vec<usize>,
    /// The classes, each a set of rows that are treated alike.
    pub classes: Vec<RowClass>,
}

impl ByRow {
    /// The class of a row, an index into [`Self::classes`].
    pub fn class(&self, row: usize) -> usize {
        let group = self.group_of_token.get(row).copied().unwrap_or(self.rest);
        self.class_of_group.get(usize::from(group)).copied().unwrap_or_default()
    }
}

/// Rows of a tensor that have the same parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct RowClass {
    /// What they are: a script, `special`, `none` or `others`.
    pub name: String,
    /// How many there are.
    pub rows: usize,
    /// The method's parameters for them.
    pub arguments: Arguments,
}
