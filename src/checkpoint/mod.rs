//! A model folder on disk: its weights, mapped; its modules, settings, tokenizer and side files; and the local cache of the Hub.

mod adapter;
mod adapter_config;
mod agree;
mod architecture;
mod chat_template;
mod counted;
mod error;
mod folder;
mod header;
mod header_error;
mod hub;
mod json;
mod map;
mod model_path;
mod modules;
mod names;
mod per_layer;
mod rotary;
mod sentencepiece;
mod settings;
mod side_files;
mod token_scripts;
mod tokenizer;
mod tokenizer_class;
mod tokenizer_json;
mod tokenizer_parts;
mod transformer_settings;
mod usage;
mod values;
mod vocabulary;
mod weights;

pub use adapter::{Adapter, AdapterChange, Product};
pub use agree::{
    Disagreement, DisagreementAmong, Mismatch, disagreements, disagreements_among, disagreements_of_use, used_among,
};
pub use architecture::Architecture;
pub(crate) use chat_template::is_chat_template;
pub(crate) use error::tokenizer_command;
pub use error::{Error, ModuleProblem};
pub use folder::Checkpoint;
pub(crate) use folder::check_folder;
#[doc(hidden)]
pub use header::{TensorEntry, parse_header};
pub use header_error::HeaderError;
pub(crate) use hub::stays_inside;
pub use hub::{DEFAULT_REVISION, HubHome, HubModel, HubSnapshot, find, is_commit, locate};
pub(crate) use json::{LONGEST_CONFIG, read as read_json, read_config};
pub(crate) use map::Map;
pub use model_path::{Links, ModelPath};
pub use modules::Module;
pub(crate) use names::is_head;
pub use names::{LayerName, canonical_name, layer_of, split_wrapper, with_layer};
pub(crate) use per_layer::{LayerKinds, LayerOrigin, kinds as layer_kinds, rearranged};
pub use settings::Settings;
pub use side_files::SideFile;
pub use token_scripts::{TokenScript, TokenScripts};
pub use tokenizer::{Tokenizer, TokenizerDifference};
#[cfg(feature = "eval")]
pub(crate) use tokenizer_class::{TOKEN_KEYS, TokenizerClass, has_code, special_token};
pub(crate) use tokenizer_json::{Listener as VocabularyListener, read_json as read_tokenizer_json};
pub use transformer_settings::TransformerSettings;
pub(crate) use usage::SettingsFile;
pub use vocabulary::{Appended, Change, Edited, MergedVocabulary, Origin, Vocabulary, VocabularyKind};
pub use weights::{SharedData, Tensor, Weights};
