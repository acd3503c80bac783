//! Reads YAML into a typed, validated recipe. No checkpoint is opened here; two names of one model are recognised by the
//! folder that they lead to.

mod build;
mod canonical;
mod check;
mod glob;
mod identity;
mod keys;
mod read;
mod review;
mod types;

pub use build::RecipeBuilder;
#[cfg(any(feature = "cli", feature = "eval"))]
pub(crate) use build::model_reference;
pub(crate) use glob::literal_glob;
pub use keys::LEVELS;
pub(crate) use keys::advice::ADVICE;
pub(crate) use keys::schema::definitions as recipe_definitions;
pub use keys::schema::schema;
pub use review::Review;
pub use types::{
    ChatTemplate, Condition, ModelRef, Parameters, Recipe, RowKind, Rows, Setting, SettingValue, Slice, Soup, Source,
    Texts, TokenRule, TokenSource, Tokenizer, TokenizerSource,
};

pub use crate::yaml::{Error, ErrorKind, Form, Key, KeyTable, NodePath, Place, Status, Step, Warning};

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]
mod tests;
