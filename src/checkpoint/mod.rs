//! Model folders on disk: weights mapped into memory, modules, settings, tokenizer and side files; and the local cache of
//! the Hub.

mod adapter;
mod agree;
mod card;
mod config;
mod error;
mod file_names;
mod folder;
mod header;
mod heads;
mod hub_cache;
mod hub_model;
mod json;
mod late_interaction;
mod map;
mod model_kind;
mod model_path;
mod module_place;
mod modules;
mod names;
mod router;
mod settings;
mod side_files;
mod tokenizer;
#[cfg_attr(not(feature = "eval"), expect(dead_code, reason = "only encoders build tokenizers"))]
mod tokenizer_class;
pub(crate) mod torch;
mod transformer_settings;
mod usage;
mod weights;

pub use adapter::{Adapter, AdapterChange, Product};
pub use agree::{
    Disagreement, DisagreementAmong, Mismatch, disagreements, disagreements_among, disagreements_of_use, used_among,
};
pub use card::ParentCard;
pub use config::Architecture;
pub(crate) use config::{LayerKinds, LayerOrigin, layer_kinds, rearranged};
#[cfg(feature = "eval")]
pub(crate) use error::tokenizer_command;
pub use error::{Error, ModuleError};
pub use folder::Checkpoint;
pub(crate) use folder::check_folder;
pub use header::HeaderError;
#[doc(hidden)]
pub use header::{TensorEntry, parse_header};
#[cfg(feature = "hub")]
pub(crate) use heads::{is_head_file, kind_of_folder};
pub use hub_cache::{HubHome, find, locate};
#[cfg(feature = "hub")]
pub(crate) use hub_model::stays_inside;
pub use hub_model::{DEFAULT_REVISION, HubKind, HubModel, HubSnapshot, is_commit};
pub(crate) use json::{LONGEST_CONFIG, read as read_json, read_config};
pub use late_interaction::{LateFormat, LateInteraction, QueryExpansion};
pub(crate) use map::Map;
pub use model_kind::ModelKind;
pub use model_path::{Links, ModelPath};
pub use module_place::Roles;
pub use modules::Module;
pub(crate) use names::is_head;
pub use names::{LayerName, canonical_name, layer_of, split_wrapper, with_layer};
pub use settings::Settings;
pub use side_files::SideFile;
pub(crate) use tokenizer::is_chat_template;
pub use tokenizer::{
    Appended, Change, Edited, MergedVocabulary, Origin, TokenScript, TokenScripts, Tokenizer, TokenizerDifference,
    Vocabulary, VocabularyKind,
};
#[cfg(feature = "eval")]
pub(crate) use tokenizer::{VocabularyListener, extra_ids, read_tokenizer_json};
#[cfg(feature = "eval")]
pub(crate) use tokenizer_class::{TOKEN_KEYS, TokenizerClass, has_code, special_token};
pub use transformer_settings::TransformerSettings;
pub(crate) use usage::SettingsFile;
pub use weights::{SharedData, Tensor, Weights};
