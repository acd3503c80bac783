//! YAML to a typed, validated recipe. No checkpoint is opened here; that a model is named twice is told by where its folder
//! lies.

mod canonical;
mod chat_template;
mod check;
mod documents;
mod error;
mod fields;
mod identity;
mod keys;
mod locate;
mod merge_keys;
mod model_ref;
mod nearest;
mod notes;
mod others;
mod parameters;
mod parse;
mod review;
mod rows;
mod scalar;
pub(crate) mod schema;
mod setting;
mod settings_source;
mod slices;
mod syntax;
mod tokenizer;
mod tree;
mod types;
mod unknown;
mod variables;
pub(crate) mod yaml;

pub use chat_template::ChatTemplate;
pub use error::{Error, ErrorKind};
pub use keys::{Form, Key, LEVELS, Level, Status};
pub use notes::Warning;
pub use review::Review;
pub use rows::{RowKind, Rows};
pub use schema::schema;
pub use setting::{Condition, Setting, SettingValue};
pub use tokenizer::{TokenRule, TokenSource, Tokenizer, TokenizerSource};
pub use types::{ModelRef, NodePath, Parameters, Place, Recipe, Slice, Source, Step};

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests;
