//! Why a folder cannot be opened as a checkpoint.

use std::path::{Path, PathBuf};

use super::file_names::MODULES;
use super::header::HeaderError;
use super::hub_model::{DEFAULT_REVISION, HubKind, HubModel};
use super::torch::FileError;
use crate::diagnose::{Diagnose, ExitClass};
use crate::escape::{escaped, literal, shell};
use crate::nearest::path_hint;

/// Why a folder cannot be opened as a checkpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder does not exist.
    #[error("no such folder: `{}`", path.display())]
    NoSuchFolder {
        /// The folder as given.
        path: PathBuf,
    },
    /// The path is not a folder.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// A model of the Hub that is not on this machine.
    #[error("`{model}` is neither a folder nor in the Hugging Face cache `{}`", cache.display())]
    NotInCache {
        /// The model.
        model: HubModel,
        /// The cache that was searched.
        cache: PathBuf,
    },
    /// A revision of a model of the Hub that is not on this machine.
    #[error("the Hugging Face cache has `{}`, but not its revision `{}`: it has {}", model.name(), model.revision(), listed(cached))]
    NoRevision {
        /// The model and the revision.
        model: HubModel,
        /// The revisions that the cache has.
        cached: Vec<String>,
    },
    /// A ref in the cache that does not contain a commit.
    #[error("`{}` does not hold a commit", path.display())]
    NotACommit {
        /// The file.
        path: PathBuf,
    },
    /// A link in a model folder to something outside it.
    #[error("`{}` leads out of the model folder, to `{}`", path.display(), target.display())]
    LeadsOut {
        /// The link.
        path: PathBuf,
        /// Its target.
        target: PathBuf,
        /// Whether the folder is in the Hub's cache, whose links stay inside it.
        cached: bool,
    },
    /// The system refused.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A symbolic link to nothing.
    #[error("`{}` is a link to a file that does not exist", path.display())]
    BrokenLink {
        /// The link.
        path: PathBuf,
    },
    /// A folder or device where a file has to be.
    #[error("`{}` is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// A file that is too long for a configuration.
    #[error("`{}` has {size} bytes, more than the {limit} that are read of such a file", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its size.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// Not JSON, or not of the expected shape.
    #[error("`{}` is not valid: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the JSON reader said, with line and column.
        source: serde_json::Error,
    },
    /// A folder without the transformer's configuration.
    #[error("`{}` has no config.json", path.display())]
    NoConfig {
        /// The folder.
        path: PathBuf,
    },
    /// An invalid entry of modules.json.
    #[error("`{}`: entry {index} {problem}", path.display())]
    Module {
        /// The modules.json.
        path: PathBuf,
        /// The index of the entry, from 0 as in the file.
        index: usize,
        /// What is wrong with it.
        problem: ModuleError,
    },
    /// A router whose settings cannot be followed.
    #[error("`{}`: {problem}", path.display())]
    Router {
        /// The `router_config.json`.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// An empty modules.json.
    #[error("`{}` lists no modules", path.display())]
    NoModules {
        /// The modules.json.
        path: PathBuf,
    },
    /// A folder without weights.
    #[error("`{}` has no weights: neither model.safetensors nor model.safetensors.index.json", path.display())]
    NoWeights {
        /// The folder.
        path: PathBuf,
    },
    /// A weight file of torch that is refused.
    #[error("`{}`: {source}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// Weights in an unsupported format.
    #[error("`{}` holds weights, but not as safetensors", path.display())]
    ForeignWeights {
        /// The file.
        path: PathBuf,
    },
    /// An adapter instead of a model.
    #[error("`{}` holds an adapter, not a whole model", path.display())]
    Adapter {
        /// The folder.
        path: PathBuf,
    },
    /// An adapter that cannot be merged into a model.
    #[error("the adapter `{}` {problem}", path.display())]
    Adapted {
        /// The adapter's folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A weight file whose header is refused.
    #[error("`{}`: {source}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong with its header.
        source: HeaderError,
    },
    /// Weight files without a single tensor.
    #[error("`{}` holds no tensors", path.display())]
    NoTensors {
        /// The file or the index.
        path: PathBuf,
    },
    /// An index that names something else than a file next to it.
    #[error("`{}`: tensor `{tensor}` is in `{shard}`, which is not the name of a file in the same folder", path.display())]
    ShardName {
        /// The index.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// What the index calls its file.
        shard: String,
    },
    /// A shard that is not there.
    #[error("`{}` names the shard `{shard}`, which does not exist", path.display())]
    NoShard {
        /// The index.
        path: PathBuf,
        /// The shard's file name.
        shard: String,
    },
    /// A tensor that is not in the shard the index names.
    #[error("`{}` says that tensor `{tensor}` is in `{shard}`, but it is not", path.display())]
    NotInShard {
        /// The index.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The shard's file name.
        shard: String,
    },
    /// A tokenizer without a file that lists its tokens.
    #[error("`{}` has no tokenizer.json{}", path.display(), beside(found))]
    NoTokenizerJson {
        /// The folder of the transformer.
        path: PathBuf,
        /// The tokenizer's files that exist.
        found: Vec<String>,
    },
    /// A tokenizer.json that is refused.
    #[error("`{}`: {problem}", path.display())]
    Vocabulary {
        /// The tokenizer.json.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// One tensor name in two shards.
    #[error("tensor `{tensor}` is in both `{}` and `{}`", first.display(), second.display())]
    InTwoShards {
        /// The tensor.
        tensor: String,
        /// One shard.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

/// What is wrong with an entry of modules.json.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// A path that leads out of the folder or is not plain.
    #[error("has the path `{}`, which is not a plain folder name inside the model folder", escaped(.0))]
    Path(String),
    /// A path that an earlier entry has.
    #[error("has the path `{}`, which another entry has too", escaped(.0))]
    Twice(String),
}

impl Diagnose for ModuleError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Path(_) | Self::Twice(_) => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        ExitClass::Refused
    }
}

impl Error {
    /// An error of the system about `path`. Broken links get an error of their own.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        let path = path.to_owned();
        if source.kind() == std::io::ErrorKind::NotFound && path.is_symlink() {
            return Self::BrokenLink { path };
        }
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Self::NotAFile { path };
        }
        Self::Io { path, source }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotInCache { model, .. } | Self::NoRevision { model, .. } => Some(download_hint(model)),
            Self::NotACommit { .. } | Self::LeadsOut { cached: true, .. } => {
                Some("remove the model from the cache and download it again".to_owned())
            }
            Self::NotAFolder { path } if path.extension().is_some_and(|end| end == "safetensors") => {
                Some("give the folder that holds the file, not the file".to_owned())
            }
            Self::LeadsOut { cached: false, .. } => Some(
                "put the file itself there; `--allow links` follows such links in folders that you trust".to_owned(),
            ),
            Self::BrokenLink { .. } => Some(
                "a Hugging Face cache whose blobs were removed looks like this; download the model again".to_owned(),
            ),
            Self::NoConfig { .. } => Some("a model folder holds config.json, as save_pretrained writes it".to_owned()),
            Self::Torch { source, .. } => source.hint(),
            Self::ForeignWeights { path } => Some(convert_hint(path)),
            Self::Adapter { .. } => Some("name it after its model: `model: MODEL+ADAPTER`".to_owned()),
            Self::Adapted { hint, .. } => hint.clone(),
            Self::NoTokenizerJson { path, found } if !found.is_empty() => {
                Some(format!("write one: {}", tokenizer_command(path)))
            }
            Self::Header { source, .. } => source.hint(),
            Self::NoShard { .. } => Some("the download may be incomplete; download the model again".to_owned()),
            Self::NoSuchFolder { path } => path_hint(path),
            Self::NotAFolder { .. }
            | Self::Io { .. }
            | Self::NotAFile { .. }
            | Self::TooLong { .. }
            | Self::Json { .. }
            | Self::Module { .. }
            | Self::Router { .. }
            | Self::NoModules { .. }
            | Self::NoWeights { .. }
            | Self::NoTensors { .. }
            | Self::ShardName { .. }
            | Self::NotInShard { .. }
            | Self::NoTokenizerJson { .. }
            | Self::Vocabulary { .. }
            | Self::InTwoShards { .. } => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::NoSuchFolder { .. }
            | Self::NotAFolder { .. }
            | Self::NotInCache { .. }
            | Self::NoRevision { .. }
            | Self::NotACommit { .. }
            | Self::LeadsOut { .. }
            | Self::Io { .. }
            | Self::BrokenLink { .. }
            | Self::NotAFile { .. }
            | Self::TooLong { .. }
            | Self::Json { .. }
            | Self::NoConfig { .. }
            | Self::Module { .. }
            | Self::Router { .. }
            | Self::NoModules { .. }
            | Self::NoWeights { .. }
            | Self::ForeignWeights { .. }
            | Self::Torch { .. }
            | Self::Adapter { .. }
            | Self::Adapted { .. }
            | Self::Header { .. }
            | Self::NoTensors { .. }
            | Self::ShardName { .. }
            | Self::NoShard { .. }
            | Self::NotInShard { .. }
            | Self::NoTokenizerJson { .. }
            | Self::Vocabulary { .. }
            | Self::InTwoShards { .. } => ExitClass::Refused,
        }
    }
}

/// The command that writes a tokenizer.json into a folder, quoted so that a shell runs nothing else.
pub(crate) fn tokenizer_command(folder: &Path) -> String {
    let path = folder.display().to_string();
    let plain = shell(&path) == path;
    let name = if plain { format!("'{path}'") } else { literal(&path) };
    let code =
        format!("from transformers import AutoTokenizer as T; T.from_pretrained({name}).save_pretrained({name})");
    format!("python -c {}", if plain { format!("\"{code}\"") } else { shell(&code) })
}

/// How to get a model of the Hub.
fn download_hint(model: &HubModel) -> String {
    if cfg!(feature = "hub") {
        let option = if model.kind() == HubKind::DataSet { "--data " } else { "" };
        return format!("download it first: admix fetch {option}{model}");
    }
    let revision = model.revision();
    let revision = if revision == DEFAULT_REVISION { String::new() } else { format!(" --revision {revision}") };
    let kind = if model.kind() == HubKind::DataSet { " --repo-type dataset" } else { "" };
    format!("download it first: hf download {}{kind}{revision}", model.name())
}

/// `a, b and c`, or `nothing`.
fn listed(names: &[String]) -> String {
    match names.split_last() {
        None => "nothing of it".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// The part of a message that lists the files that exist instead.
fn beside(found: &[String]) -> String {
    if found.is_empty() { " and no other tokenizer".to_owned() } else { format!(", only {}", found.join(", ")) }
}

/// How to turn the weights at `path` into safetensors.
fn convert_hint(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    if !(name.contains(".bin") || path.extension().is_some_and(|end| end == "pt")) {
        return "admix reads safetensors only; download or export the model in that format".to_owned();
    }
    let folder = path.parent().unwrap_or(path);
    // A module of a sentence-transformers folder is converted with the folder.
    let whole = folder.parent().filter(|model| model.join(MODULES).exists()).unwrap_or(folder).display();
    let (whole, out) = (shell(&whole.to_string()), shell(&format!("{whole}-safetensors")));
    format!("convert it first, without running anything in it: admix convert {whole} -o {out}")
}
