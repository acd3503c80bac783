//! The tokens of a tokenizer, and the vocabulary of a merge of models with different ones.

mod json_text;
mod merged;
mod rewrite;
mod tokens;

pub use merged::{Appended, MergedVocabulary, Origin};
pub use rewrite::{Change, Edited};
pub use tokens::{Vocabulary, VocabularyKind};
