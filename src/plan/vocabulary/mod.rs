//! Vocabularies: which tensors have a row for each token, and how those of several models are merged.

mod align;
mod alignment;
mod by_row;
mod gather;
mod row_classes;
mod rules;
mod tied_heads;
mod token_rows;

pub use alignment::{Alignment, AlignmentMemory};
pub use by_row::{ByRow, RowClass};
pub use gather::{Fallback, Gather, RowCounts};
pub(super) use row_classes::RowClasses;
pub(super) use tied_heads::{TIED, TIED_BIASES, is_tied_head, ties_embeddings};
pub(super) use token_rows::{ends_with_name, has_token_rows, is_head, is_table, table, token_rows};
