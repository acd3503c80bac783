//! The files beside the weights that a loader needs.

use std::path::{Path, PathBuf};

use super::error::Error;
use super::model_path::ModelPath;
use super::modules::Module;
use super::weights::Weights;

/// A file without weights that a loader needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideFile {
    /// Its path in the checkpoint, `/`-separated.
    pub relative: String,
    /// Its path on disk.
    pub source: ModelPath,
    /// Its size in bytes.
    pub size: u64,
}

/// Names of files that loaders read.
const NAMES: &[&str] = &[
    "artifact.metadata",
    "config.json",
    "config_sentence_transformers.json",
    "modules.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "chat_template.json",
    "router_config.json",
    "merges.txt",
    "bpe.codes",
    "tekken.json",
];

/// Weight files with a copy of model.safetensors, or from a training run.
const COPIES: &[&str] = &[
    "pytorch_model",
    "model",
    "tf_model",
    "flax_model",
    "rust_model",
    "optimizer",
    "scheduler",
    "scaler",
    "training_args",
];

/// Lists the side files of a checkpoint, sorted by name.
pub(crate) fn list(root: &ModelPath, modules: &[Module]) -> Result<Vec<SideFile>, Error> {
    let mut files = Vec::new();
    for folder in folders(modules) {
        for name in entries(&root.join(folder))? {
            if !is_side_file(&name, !folder.is_empty()) {
                continue;
            }
            let relative = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let source = root.join(&relative);
            let metadata = std::fs::metadata(&source).map_err(|error| Error::io(&source, error))?;
            if metadata.is_file() {
                source.check()?;
                files.push(SideFile { relative, source, size: metadata.len() });
            }
        }
    }
    files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(files)
}

/// Lists weight files that are neither read nor copies of files that are, and exports of the weights to other programs,
/// sorted by name.
pub(crate) fn list_unread_weights(root: &Path, modules: &[Module]) -> Result<Vec<PathBuf>, Error> {
    let read: Vec<&Path> =
        modules.iter().filter_map(|module| module.weights.as_ref()).flat_map(Weights::files).collect();
    let mut files = Vec::new();
    for folder in folders(modules) {
        let folder = root.join(folder);
        for name in entries(&folder)? {
            let path = folder.join(&name);
            if is_unread_weight(&name) && !read.contains(&path.as_path()) {
                files.push(path);
            }
        }
    }
    files.extend(unlisted_folders(root, modules)?);
    files.sort();
    Ok(files)
}

/// Folders with weights that are no part of the model, such as `onnx`.
fn unlisted_folders(root: &Path, modules: &[Module]) -> Result<Vec<PathBuf>, Error> {
    let is_listed = |name: &str| {
        modules.iter().any(|module| module.folder.split('/').next() == Some(name) && !module.folder.is_empty())
    };
    let mut found = Vec::new();
    for name in entries(root)? {
        let folder = root.join(&name);
        // Links are not followed, because they may lead anywhere.
        if name.starts_with('.') || is_listed(&name) || folder.is_symlink() || !folder.is_dir() {
            continue;
        }
        if entries(&folder)?.iter().any(|name| is_weight(name)) {
            found.push(folder);
        }
    }
    Ok(found)
}

/// The checkpoint's own folder and those of its modules.
fn folders(modules: &[Module]) -> impl Iterator<Item = &str> {
    let inner = modules.iter().map(|module| module.folder.as_str()).filter(|folder| !folder.is_empty());
    std::iter::once("").chain(inner)
}

/// The names in a folder; none if there is no such folder. Names that are not UTF-8 are skipped, because no loader reads
/// them.
pub(crate) fn entries(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |error| Error::io(folder, error);
    let listing = match std::fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in listing {
        names.extend(entry.map_err(failed)?.file_name().into_string().ok());
    }
    Ok(names)
}

/// Whether a loader reads a file of this name. In a module's own folder any JSON file belongs to the module.
pub(crate) fn is_side_file(name: &str, in_module: bool) -> bool {
    let ends = |end: &str| name.len() > end.len() && name.to_ascii_lowercase().ends_with(end);
    if name.starts_with('.') || ends(".index.json") || matches!(name, "admix.json" | "trainer_state.json") {
        return false;
    }
    NAMES.contains(&name)
        || (name.starts_with("tokenizer") && ends(".json"))
        || (name.starts_with("sentence_") && ends("_config.json"))
        || (name.starts_with("vocab.") && !is_weight(name))
        || name.starts_with("chat_template.")
        || name.starts_with("LICENSE")
        || name.starts_with("NOTICE")
        || [".model", ".spm", ".tiktoken", ".jinja", ".py"].iter().any(|end| ends(end))
        || (in_module && ends(".json"))
}

fn is_weight(name: &str) -> bool {
    let end = Path::new(name).extension().and_then(|end| end.to_str()).unwrap_or_default();
    matches!(end, "safetensors" | "bin" | "pt" | "pth" | "h5" | "msgpack" | "onnx" | "ot" | "gguf")
}

fn is_unread_weight(name: &str) -> bool {
    let stem = name.split(['.', '-']).next().unwrap_or_default();
    let is_export = Path::new(name).extension().is_some_and(|end| end == "onnx") || stem == "openvino_model";
    let is_copy = COPIES.contains(&stem) && !is_export;
    is_weight(name) && !name.starts_with('.') && !is_copy && !name.starts_with("rng_state")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_files_are_told_from_the_rest() {
        for name in [
            "config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "sentence_xlm-roberta_config.json",
            "sentencepiece.bpe.model",
            "vocab.txt",
            "modeling_new.py",
            "LICENSE.txt",
            "chat_template.jinja",
        ] {
            assert!(is_side_file(name, false), "{name}");
        }
        for name in [
            "model.safetensors",
            "model.safetensors.index.json",
            "pytorch_model.bin.index.json",
            "README.md",
            "admix.json",
            "mergekit_config.yml",
            "trainer_state.json",
            ".gitattributes",
            ".py",
            "training_args.bin",
            "results.json",
        ] {
            assert!(!is_side_file(name, false), "{name}");
        }
        assert!(is_side_file("idf.json", true));
    }

    #[test]
    fn weights_that_nobody_merges_are_noticed() {
        for name in ["head.pt", "adapter_model.safetensors", "model.onnx", "model_quantized.onnx", "openvino_model.bin"]
        {
            assert!(is_unread_weight(name), "{name}");
        }
        for name in ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "optimizer.pt", "rng_state_0.pth"] {
            assert!(!is_unread_weight(name), "{name}");
        }
    }
}
