//! The tokenizer of a model folder: files, vocabulary, chat template.

mod chat_template;
mod compare;
mod files;
mod json;
#[cfg(feature = "eval")]
mod older_files;
mod parts;
mod sentencepiece;
mod token_scripts;
mod tokenizer_file;
mod vocabulary;

pub(crate) use chat_template::is_chat_template;
pub use compare::TokenizerDifference;
pub use files::Tokenizer;
#[cfg(feature = "eval")]
pub(crate) use json::{Listener as VocabularyListener, read_json as read_tokenizer_json};
#[cfg(feature = "eval")]
pub(crate) use older_files::extra_ids;
pub use token_scripts::{TokenScript, TokenScripts};
pub use vocabulary::{Appended, Change, Edited, MergedVocabulary, Origin, Vocabulary, VocabularyKind};
