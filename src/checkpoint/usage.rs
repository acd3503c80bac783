//! Models that have their transformer from one folder and their settings from another.
//!
//! The settings of a sentence-transformers folder are everything besides its transformer: the modules after it, prompts,
//! similarity, maximum sequence length. Two kinds of models have settings from another folder: a model with an adapter
//! whose folder has settings, and a merge over a plain base, which has those of its fine-tunes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::error::Error;
use super::file_names::MODULES;
use super::folder::{Checkpoint, check_folder};
use super::json;
use super::model_path::{Links, ModelPath};
use super::modules::{self, Module};
use super::settings::{self, Settings};
use super::side_files::SideFile;
use super::tokenizer::Tokenizer;
use super::weights::Weights;

impl Checkpoint {
    /// Opens the settings of a folder with a modules.json. Its transformer may be elsewhere.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub(crate) fn open_usage(folder: &Path, links: Links) -> Result<Option<Self>, Error> {
        check_folder(folder)?;
        let folder = ModelPath::of(folder, links)?;
        match modules::read_places(&folder)? {
            Some(places) => Self::with_places(&folder, Some(places), false).map(Some),
            None => Ok(None),
        }
    }

    /// This checkpoint's transformer and tokenizer with the settings of another folder.
    #[must_use]
    pub(crate) fn used_as(self, usage: Self) -> Self {
        let (settings, side_files) = (combined(&self, &usage), side_files(&self, &usage));
        let own = self.parts.into_iter().nth(self.main);
        let mut parts = usage.parts;
        if let (Some(module), Some(own)) = (parts.get_mut(usage.main), own) {
            (module.config, module.weights) = (own.config, own.weights);
        }
        Self {
            usage: Some(usage.path),
            parts,
            chained: usage.chained,
            main: usage.main,
            sentence_transformers: usage.sentence_transformers,
            settings,
            side_files,
            unread_weights: self
                .unread_weights
                .into_iter()
                .chain(usage.unread_weights.into_iter().filter(|file| is_other(file)))
                .collect(),
            ..self
        }
    }

    /// The checkpoint that a merge will be, with its configuration from this checkpoint and its settings from another: the
    /// same side files, with other weights in the modules' folders.
    pub(crate) fn planned(
        &self,
        usage: &Self,
        path: PathBuf,
        config: Map<String, Value>,
        weights: &mut BTreeMap<String, Weights>,
    ) -> Self {
        let module = |module: &Module| Module {
            folder: module.folder.clone(),
            kind: module.kind.clone(),
            roles: module.roles,
            config: module.config.clone(),
            weights: weights.remove(&module.folder),
            file: module.file.clone(),
        };
        let planned = Self {
            path: ModelPath::planned(path),
            usage: Some(usage.usage_folder().clone()),
            parts: usage.parts.iter().map(module).collect(),
            chained: usage.chained,
            main: usage.main,
            sentence_transformers: usage.sentence_transformers,
            settings: combined(self, usage),
            tokenizer: self.tokenizer.clone(),
            side_files: side_files(self, usage),
            unread_weights: Vec::new(),
        };
        planned.with_config(config)
    }

    /// The folder of its settings: its own, its adapter's, or that of the model whose settings a merge has.
    pub fn usage_path(&self) -> &Path {
        self.usage_folder()
    }

    /// The folder of its settings, to open files in it.
    pub fn usage_folder(&self) -> &ModelPath {
        self.usage.as_ref().unwrap_or(&self.path)
    }

    /// Whether this is its main module.
    pub(crate) fn is_main(&self, module: &Module) -> bool {
        self.main_module().is_some_and(|main| std::ptr::eq(main, module))
    }

    /// The folder of its main module, relative to it; empty if it is the checkpoint's own folder.
    pub(crate) fn main_folder(&self) -> &str {
        self.main_module().map_or("", |module| module.folder.as_str())
    }
}

/// A transformer's settings file with a change.
#[derive(Debug)]
pub(crate) struct SettingsFile {
    /// Its path in the folder.
    pub(crate) relative: String,
    pub(crate) config: Map<String, Value>,
}

impl Checkpoint {
    /// The transformer's settings file with the maximum sequence length added, where a loader would otherwise take another
    /// one from this tokenizer. `None` if the files have the right one, or for a plain folder.
    ///
    /// # Errors
    /// Files that cannot be read.
    pub(crate) fn with_stated_length(&self, tokenizer: &Tokenizer) -> Result<Option<SettingsFile>, Error> {
        let Some(length) = self.settings.max_seq_length.filter(|_| self.sentence_transformers) else { return Ok(None) };
        let mut found = None;
        for name in settings::TRANSFORMER_FILES {
            let relative = within(self.main_folder(), name);
            let Some(side) = self.side_files.iter().find(|side| side.relative == relative) else { continue };
            let config = json::read_config(&side.source)?.unwrap_or_default();
            if !config.is_empty() {
                found = Some(SettingsFile { relative, config });
                break;
            }
        }
        let usual = settings::TRANSFORMER_FILES.first().copied().unwrap_or_default();
        let mut file =
            found.unwrap_or_else(|| SettingsFile { relative: within(self.main_folder(), usual), config: Map::new() });
        let tokenizer = json::read_config(&tokenizer.home().join("tokenizer_config.json"))?.unwrap_or_default();
        if settings::max_length(&file.config, &tokenizer, &self.settings.architecture) == Some(length) {
            return Ok(None);
        }
        file.config.insert("max_seq_length".to_owned(), length.into());
        Ok(Some(file))
    }
}

/// Whether a weight file does not belong to an adapter.
fn is_other(file: &Path) -> bool {
    file.file_name().is_none_or(|name| !name.to_string_lossy().starts_with("adapter_model"))
}

/// The settings of one folder for the transformer of another.
fn combined(transformer: &Checkpoint, usage: &Checkpoint) -> Settings {
    let own = &transformer.settings;
    if std::ptr::eq(transformer, usage) {
        return own.clone();
    }
    let used = usage.settings.clone();
    let length = used.max_seq_length.or(own.max_seq_length);
    Settings {
        max_seq_length: if own.architecture.computes_positions() {
            length
        } else {
            length.map(|length| length.min(own.architecture.positions.unwrap_or(u64::MAX)))
        },
        embedding_dimension: used.embedding_dimension.or(own.architecture.hidden_size),
        architecture: own.architecture.clone(),
        ..used
    }
}

/// The files of a model with its transformer from one folder and its settings from another, sorted by name.
fn side_files(transformer: &Checkpoint, usage: &Checkpoint) -> Vec<SideFile> {
    if std::ptr::eq(transformer, usage) {
        return transformer.side_files.clone();
    }
    let (from, to) = (transformer.main_folder(), usage.main_folder());
    let of_transformer = transformer.side_files.iter().filter_map(|side| {
        let (folder, name) = split(&side.relative);
        let is_notice = folder.is_empty() && (name.starts_with("LICENSE") || name.starts_with("NOTICE"));
        let relative = match folder {
            _ if is_of_use(name) => return None,
            folder if folder == from && !is_notice => within(to, name),
            "" => name.to_owned(),
            // Files of its other modules.
            _ => return None,
        };
        Some((relative.clone(), SideFile { relative, ..side.clone() }))
    });
    let mut files: BTreeMap<String, SideFile> = of_transformer.collect();
    for side in &usage.side_files {
        let (folder, name) = split(&side.relative);
        let is_own = folder != to && !folder.is_empty();
        // Modules may have code of their own; a file of the same name in the transformer's folder belongs to the
        // transformer.
        let is_code = Path::new(name).extension().is_some_and(|end| end == "py");
        if is_own || is_of_use(name) || (is_code && !files.contains_key(&side.relative)) {
            files.insert(side.relative.clone(), side.clone());
        }
    }
    files.into_values().collect()
}

/// Whether a file at the top level or in the transformer's folder has settings.
fn is_of_use(name: &str) -> bool {
    matches!(name, MODULES | "config_sentence_transformers.json" | "router_config.json")
        || (name.starts_with("sentence_") && name.ends_with("_config.json"))
}

fn split(relative: &str) -> (&str, &str) {
    relative.rsplit_once('/').unwrap_or(("", relative))
}

fn within(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
