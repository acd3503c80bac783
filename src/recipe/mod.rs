//! YAML to a typed, validated recipe. No checkpoint is opened here; that a model is named twice is told by where its folder
//! lies.

mod build;
mod canonical;
mod chat_template;
mod check;
mod documents;
mod identity;
mod keys;
mod model_ref;
mod others;
mod parameters;
mod parse;
mod review;
mod rows;
mod schema;
mod setting;
mod settings_source;
mod slices;
mod tokenizer;
mod types;
mod unknown;
mod wrapped;

pub use build::RecipeBuilder;
#[cfg(feature = "cli")]
pub(crate) use build::model_reference;
pub use chat_template::ChatTemplate;
pub use keys::LEVELS;
pub use review::Review;
pub use rows::{RowKind, Rows};
pub(crate) use schema::definitions as recipe_definitions;
pub use schema::schema;
pub use setting::{Condition, Setting, SettingValue};
pub use tokenizer::{TokenRule, TokenSource, Tokenizer, TokenizerSource};
pub use types::{ModelRef, Parameters, Recipe, Slice, Source};
pub(crate) use unknown::ADVICE;

pub use crate::yaml::{Error, ErrorKind, Form, Key, Level, NodePath, Place, Status, Step, Warning};

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests;
