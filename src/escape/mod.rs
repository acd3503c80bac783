//! Escapes untrusted text for the terminal and for each kind of generated file.
//!
//! Names, ids, prompts and messages come from files that anybody may have written. On their way out they pass through here:
//! [`Page`] and [`line`] for the terminal, [`Untrusted`] for values that are kept, and a function for each kind of file.

mod forms;
mod hidden;
mod page;
mod table;
mod untrusted;

pub use forms::{code, comment, csv, fenced, flow, html, json, literal, markdown, shell, tsv, yaml};
pub use hidden::{aligned, escaped, is_hidden, line, text};
pub use page::{Page, padded, width, wrapped};
pub use table::{Table, columns, shortened};
pub use untrusted::Untrusted;
