//! The types of a recipe: checked values, each with its place in the YAML.

mod model_ref;
mod recipe;
pub(super) mod rows;
mod setting;
mod soup;
mod tokenizer;

pub use model_ref::ModelRef;
pub(super) use recipe::Origin;
pub use recipe::{ChatTemplate, Parameters, Recipe, Slice, Source, Texts};
pub use rows::{RowKind, Rows};
pub use setting::{Condition, Setting, SettingValue};
pub use soup::Soup;
pub use tokenizer::{TokenRule, TokenSource, Tokenizer, TokenizerSource};
