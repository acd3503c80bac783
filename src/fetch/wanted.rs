//! Selects the files of a repository that a loader needs.

use std::collections::BTreeSet;

use crate::checkpoint::{is_head_file, kind_of_folder};

/// Endings of files other than weights that loaders read.
const ENDINGS: [&str; 7] = [".json", ".txt", ".model", ".spm", ".tiktoken", ".jinja", ".py"];
/// Weights that torch saved, in one file or in shards.
const SINGLE: &str = "pytorch_model.bin";
const TORCH_INDEX: &str = "pytorch_model.bin.index.json";
/// Endings of weights in other formats.
const FOREIGN: [&str; 8] = [".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".ot", ".gguf"];

/// The wanted files, sorted: those at the top level and in the folders of modules and heads. Exports (`onnx/`, `openvino/`)
/// are in other folders.
pub(super) fn of(names: &[String], modules: &[String]) -> Vec<String> {
    let folders: BTreeSet<&str> = modules.iter().map(String::as_str).chain([""]).collect();
    let all: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut wanted: Vec<String> = all
        .iter()
        .filter(|path| {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let is_module = folders.contains(folder) || kind_of_folder(folder).is_some();
            is_module && !name.starts_with('.') && is_wanted(folder, name, &all)
        })
        .map(|path| (*path).to_owned())
        .collect();
    wanted.sort();
    wanted
}

fn is_wanted(folder: &str, name: &str, all: &BTreeSet<&str>) -> bool {
    if name.ends_with(".safetensors") {
        return is_wanted_weight(folder, name, all);
    }
    if name.starts_with("pytorch_model") {
        return is_wanted_torch(folder, name, all);
    }
    // The index of another format names files that are not downloaded.
    if name.ends_with(".index.json") {
        return name == "model.safetensors.index.json";
    }
    (folder.is_empty() && is_head_file(name))
        || ENDINGS.iter().any(|end| name.ends_with(end))
        || name == "bpe.codes"
        || name == "README.md"
        || name.starts_with("LICENSE")
        || name.starts_with("NOTICE")
}

/// Whether a file is among the weights that loaders use: one file, else the shards of the index; an adapter; or if there is
/// neither, any weights. A repository may have the same weights in several dtypes (`model.fp16.safetensors`).
fn is_wanted_weight(folder: &str, name: &str, all: &BTreeSet<&str>) -> bool {
    let there = |name: &str| is_there(folder, name, all);
    if name == "adapter_model.safetensors" {
        return true;
    }
    if there("model.safetensors") {
        return name == "model.safetensors";
    }
    !there("model.safetensors.index.json") || name.starts_with("model-")
}

/// Whether a file is among the weights that torch saved, of a folder without safetensors: one file, else shards and index.
fn is_wanted_torch(folder: &str, name: &str, all: &BTreeSet<&str>) -> bool {
    let there = |name: &str| is_there(folder, name, all);
    if there("model.safetensors") || there("model.safetensors.index.json") || there("adapter_model.safetensors") {
        return false;
    }
    if there(SINGLE) { name == SINGLE } else { name.starts_with("pytorch_model-") || name == TORCH_INDEX }
}

/// Whether a folder has a file of this name.
fn is_there(folder: &str, name: &str, all: &BTreeSet<&str>) -> bool {
    if folder.is_empty() { all.contains(name) } else { all.contains(format!("{folder}/{name}").as_str()) }
}

/// Whether a file has weights that can be merged.
pub(super) fn is_weight(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.ends_with(".safetensors") || name == SINGLE || name == TORCH_INDEX
}

/// Whether a file has weights in another format than safetensors.
pub(super) fn is_foreign_weight(name: &str) -> bool {
    FOREIGN.iter().any(|end| name.ends_with(end)) && !name.ends_with("training_args.bin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(names: &[&str], modules: &[&str]) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        of(&owned(names), &owned(modules))
    }

    #[test]
    fn loaders_files_come_and_exports_do_not() {
        let names = [
            ".gitattributes",
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense/model.safetensors",
            "2_Dense/pytorch_model.bin",
            "LICENSE",
            "README.md",
            "config.json",
            "model.fp16.safetensors",
            "model.safetensors",
            "modules.json",
            "onnx/config.json",
            "onnx/model.onnx",
            "openvino/model.safetensors",
            "pytorch_model.bin",
            "sentencepiece.bpe.model",
            "tokenizer.json",
            "train.parquet",
        ];
        let expected = [
            "1_Pooling/config.json",
            "2_Dense/config.json",
            "2_Dense/model.safetensors",
            "LICENSE",
            "README.md",
            "config.json",
            "model.safetensors",
            "modules.json",
            "sentencepiece.bpe.model",
            "tokenizer.json",
        ];
        assert_eq!(wanted(&names, &["", "1_Pooling", "2_Dense"]), expected);
    }

    #[test]
    fn heads_come_and_weights_of_torch_where_there_are_no_others() {
        let names = [
            "2_Dense_1024/config.json",
            "2_Dense_1024/model.safetensors",
            "2_Dense_1024/pytorch_model.bin",
            "checkpoint_2/model.safetensors",
            "colbert_linear.pt",
            "other.pt",
            "pytorch_model.bin",
            "sparse_linear.pt",
            "training_args.bin",
        ];
        assert_eq!(wanted(&names, &[""]), [&names[..2], &names[4..5], &names[6..8]].concat());
        let shards = [
            "pytorch_model-00001-of-00001.bin",
            "pytorch_model.bin.index.json",
            "pytorch_model.fp16.bin",
            "rust_model.ot",
        ];
        assert_eq!(wanted(&shards, &[""]), shards[..2]);
    }

    #[test]
    fn shards_and_adapters_come() {
        let shards = [
            "consolidated.safetensors",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "pytorch_model.bin.index.json",
        ];
        assert_eq!(wanted(&shards, &[]), shards[1..4]);
        let adapter = ["adapter_config.json", "adapter_model.safetensors"];
        assert_eq!(wanted(&adapter, &[]), adapter);
    }
}
