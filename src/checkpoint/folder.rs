//! Opens model folders.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::config::Architecture;
use super::error::Error;
use super::heads;
use super::hub_cache;
use super::hub_model::HubSnapshot;
use super::json;
use super::model_path::{Links, ModelPath};
use super::module_place::{Place, Roles};
use super::modules::{self, Module};
use super::settings::Settings;
use super::side_files::{self, SideFile};
use super::tokenizer::Tokenizer;
use super::weights::Weights;

/// A model folder of Hugging Face or sentence-transformers, with its weights mapped into memory but not read.
#[derive(Debug)]
pub struct Checkpoint {
    pub(super) path: ModelPath,
    /// The folder with its pooling, prompts and other settings, if that is another one.
    pub(super) usage: Option<ModelPath>,
    /// The modules, and behind them the heads that modules.json does not name.
    pub(super) parts: Vec<Module>,
    /// How many of the parts are modules.
    pub(super) chained: usize,
    /// Index of the module that contains the model itself.
    pub(super) main: usize,
    pub(super) sentence_transformers: bool,
    pub(super) settings: Settings,
    pub(super) tokenizer: Tokenizer,
    pub(super) side_files: Vec<SideFile>,
    pub(super) unread_weights: Vec<PathBuf>,
}

impl Checkpoint {
    /// Opens a folder, or the snapshot in the Hub's cache that `org/name[@revision]` stands for: reads its configuration
    /// files and the headers of its weights, and maps the weights.
    ///
    /// Links out of the folder are refused.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with(folder, Links::Inside)
    }

    /// Like [`Checkpoint::open`]; `links` says whether links out of the folder are followed.
    pub fn open_with(folder: &Path, links: Links) -> Result<Self, Error> {
        let folder = hub_cache::locate(folder)?;
        check_folder(&folder)?;
        let folder = ModelPath::of(&folder, links)?;
        Self::with_places(&folder, modules::read_places(&folder)?, true)
    }

    /// Opens a folder of these modules. Without `is_whole` the transformer is left out.
    pub(super) fn with_places(folder: &ModelPath, places: Option<Vec<Place>>, is_whole: bool) -> Result<Self, Error> {
        let sentence_transformers = places.is_some();
        let places = places.unwrap_or_else(|| {
            vec![Place { folder: String::new(), kind: "Transformer".to_owned(), roles: Roles::ALL }]
        });
        let open = |place: Place| {
            if is_whole || !place.is_transformer() {
                return Module::open(folder, place);
            }
            let Place { folder, kind, roles } = place;
            Ok(Module { folder, kind, roles, config: Map::new(), weights: None, file: None })
        };
        let mut parts = places.into_iter().map(open).collect::<Result<Vec<Module>, Error>>()?;
        let main = main_module(&parts);
        if is_whole {
            check_main(folder, parts.get(main))?;
        }
        let home = parts.get(main).map_or_else(|| folder.clone(), |module| folder.join(&module.folder));
        let settings = Settings::read(folder, &home, sentence_transformers, &parts, main)?;
        let chained = parts.len();
        parts.extend(heads::find(folder, &parts)?);
        Ok(Self {
            settings,
            tokenizer: Tokenizer::find(&home)?,
            side_files: side_files::list(folder, &parts)?,
            unread_weights: side_files::list_unread_weights(folder, &parts)?,
            path: folder.clone(),
            usage: None,
            parts,
            chained,
            main,
            sentence_transformers,
        })
    }

    /// The folder: as it was given, or the snapshot that a name of the Hub stands for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, to open files in it.
    pub fn folder(&self) -> &ModelPath {
        &self.path
    }

    /// The model and commit that the folder is a snapshot of, if it is in a cache of the Hub.
    pub fn snapshot(&self) -> Option<HubSnapshot> {
        HubSnapshot::of(&self.path)
    }

    /// The name of the checkpoint: on the Hub if it is in a cache, else its folder.
    pub fn name(&self) -> String {
        self.snapshot().map_or_else(|| self.path.display().to_string(), |snapshot| snapshot.name)
    }

    /// The config.json of the transformer module; empty for a model that has none, such as a static embedding.
    pub fn config(&self) -> &Map<String, Value> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        self.main_module().map_or(&EMPTY, |module| &module.config)
    }

    /// The module that contains the model itself, usually the transformer.
    pub fn main_module(&self) -> Option<&Module> {
        self.parts.get(self.main)
    }

    /// The modules, in the order of modules.json; a plain Hugging Face folder is one transformer.
    pub fn modules(&self) -> &[Module] {
        self.parts.get(..self.chained).unwrap_or_default()
    }

    /// Heads that modules.json does not name: `colbert_linear.pt` and `sparse_linear.pt`, or folders such as `2_Dense_1024`.
    pub fn heads(&self) -> &[Module] {
        self.parts.get(self.chained..).unwrap_or_default()
    }

    /// The modules, and behind them the heads.
    pub fn parts(&self) -> &[Module] {
        &self.parts
    }

    /// The module or head in a folder of the checkpoint.
    pub fn module(&self, folder: &str) -> Option<&Module> {
        self.parts.iter().find(|module| module.folder == folder)
    }

    /// The settings of how texts become embeddings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Every file without weights that a loader needs, sorted by name.
    pub fn side_files(&self) -> &[SideFile] {
        &self.side_files
    }

    /// Weight files that are neither read nor copies of files that are, and exports of the weights, such as `onnx`.
    pub fn unread_weights(&self) -> &[PathBuf] {
        &self.unread_weights
    }

    /// The tokenizer's files.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether the folder has a modules.json.
    pub fn is_sentence_transformers(&self) -> bool {
        self.sentence_transformers
    }

    /// The checkpoint with another config.json in its main module.
    #[must_use]
    pub fn with_config(mut self, config: Map<String, Value>) -> Self {
        self.settings.architecture = Architecture::of(&config);
        if let Some(module) = self.parts.get_mut(self.main) {
            module.config = config;
        }
        self
    }

    /// The checkpoint with another tokenizer.
    #[must_use]
    pub fn with_tokenizer(mut self, tokenizer: Tokenizer) -> Self {
        self.tokenizer = tokenizer;
        self
    }

    /// Weight files that are links out of the folder, each with its target.
    pub fn outside(&self) -> impl Iterator<Item = (&Path, &Path)> {
        self.parts.iter().filter_map(|part| part.weights.as_ref()).flat_map(Weights::outside)
    }

    /// Files of the modules' weights that torch saved, which are read where they are.
    pub fn saved_by_torch(&self) -> impl Iterator<Item = &Path> {
        self.modules().iter().filter_map(|module| module.weights.as_ref()).flat_map(Weights::saved_by_torch)
    }

    /// Bytes of all tensors of all modules and heads.
    pub fn weight_bytes(&self) -> u64 {
        self.parts.iter().filter_map(|module| module.weights.as_ref()).map(Weights::byte_len).sum()
    }
}

/// Checks that there is a folder.
pub(crate) fn check_folder(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(Error::NotAFolder { path: path.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !path.is_symlink() => {
            Err(Error::NoSuchFolder { path: path.to_owned() })
        }
        Err(error) => Err(Error::io(path, error)),
    }
}

/// The first transformer; without one, the first module with weights.
fn main_module(modules: &[Module]) -> usize {
    let transformer = modules.iter().position(Module::is_transformer);
    transformer.or_else(|| modules.iter().position(|module| module.weights.is_some())).unwrap_or(0)
}

/// Checks that the main module is complete.
fn check_main(root: &ModelPath, module: Option<&Module>) -> Result<(), Error> {
    let path = module.map_or_else(|| root.clone(), |module| root.join(&module.folder));
    let Some(module) = module.filter(|module| module.weights.is_some()) else {
        return Err(Error::NoWeights { path: path.to_path_buf() });
    };
    if module.is_transformer() && !json::entry_exists(&path.join("config.json"))? {
        return Err(Error::NoConfig { path: path.to_path_buf() });
    }
    Ok(())
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
