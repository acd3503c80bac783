//! YAML files that people write by hand: a tree, keys checked against tables, and everything that is wrong with its place.
//!
//! A file becomes a [`Node`] tree (`tree`, `mask`, `merge_keys`, `variables`), maps are read through tables of keys
//! (`keys`, `fields`), what is wrong is collected (`diagnostic`, `diagnostics`) and gets its line and column at the end
//! (`place`). The same tables make the JSON Schema (`schema`).

mod diagnostic;
mod diagnostics;
mod document;
mod error;
mod fields;
mod keys;
mod mask;
mod merge_keys;
mod message;
mod nearest;
mod path;
mod place;
mod places;
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
pub(crate) use mask::{names as variable_names, without_mark};
pub(crate) use message::{and, quoted, written};
pub(crate) use nearest::nearest;
pub use path::{NodePath, Step};
pub use place::Place;
pub(crate) use place::{Part, place_at};
pub(crate) use scalar::{Refusal, flag, number};
pub(crate) use text::{LARGEST, YamlText, read_text};
pub(crate) use tree::Node;
pub(crate) use variables::{Variables, filled_block};
