//! Reads YAML files that people write by hand: builds a tree, checks keys against tables, and reports every fault with its
//! place.
//!
//! A file becomes a [`Node`] tree (`tree`, `mask`, `merge_keys`, `variables`), maps are read through tables of keys
//! (`keys`, `fields`), faults are collected (`diagnostic`, `diagnostics`) and get their lines and columns at the end
//! (`locate`). The JSON Schema is built from the same tables (`schema`).

mod diagnostic;
mod diagnostics;
mod document;
mod error;
mod fields;
mod keys;
mod locate;
mod mask;
mod merge_keys;
mod message;
mod path;
mod place;
mod scalar;
pub(crate) mod schema;
mod syntax;
mod text;
mod tree;
mod variables;

pub(crate) use diagnostic::{Checked, Diagnostic};
pub(crate) use diagnostics::{Diagnostics, MOST_UNKNOWN};
pub(crate) use document::Document;
pub use error::{Error, ErrorKind, Warning};
pub(crate) use fields::Fields;
pub use keys::{Form, Key, KeyTable, Status};
pub(crate) use keys::{KeyAdvice, read, without_effect};
pub(crate) use locate::Part;
pub(crate) use mask::{names as variable_names, unmask, without_mark};
pub(crate) use message::{and, quoted, written};
pub use path::{NodePath, Step};
pub use place::Place;
pub(crate) use place::place_at;
pub(crate) use scalar::{Refusal, flag, number};
pub(crate) use text::{LARGEST, YamlText, read_text};
pub(crate) use tree::Node;
pub(crate) use variables::{Variables, filled_block};
