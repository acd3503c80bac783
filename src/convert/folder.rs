//! Lists a folder: files to convert, files to copy, and files that are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::error::Error;
use crate::checkpoint::{self, ModelPath};
use crate::write::RECORD;

/// The most levels of subfolders.
const DEEPEST: usize = 16;
/// The longest index that is read.
const LONGEST_INDEX: u64 = 100_000_000;
const INDEX: &str = "pytorch_model.bin.index.json";

/// A file to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) relative: String,
    pub(super) source: ModelPath,
    pub(super) size: u64,
}

/// How each file of a folder is treated. Paths are relative to it and `/`-separated.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Files of torch, each with its name in the output.
    pub(super) convert: Vec<(String, String)>,
    pub(super) copy: Vec<Copy>,
    /// Files that are left out, and why.
    pub(super) left_out: Vec<(String, &'static str)>,
    /// Folders with an index of shards, each with the shard of every tensor.
    pub(super) indexes: Vec<(String, BTreeMap<String, String>)>,
    /// Whether there are weights that need no conversion.
    pub(super) safetensors: bool,
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

impl Listing {
    /// Lists a folder and the folders in it.
    pub(super) fn of(root: &ModelPath) -> Result<Self, Error> {
        let mut listing = Self::default();
        listing.walk(root, "", DEEPEST)?;
        let mut targets: BTreeMap<&String, &String> = BTreeMap::new();
        for (from, to) in &listing.convert {
            if let Some(other) = targets.insert(to, from) {
                return Err(Error::Clash {
                    one: root.join(other).to_path_buf(),
                    other: root.join(from).to_path_buf(),
                    to: to.clone(),
                });
            }
        }
        Ok(listing)
    }

    fn walk(&mut self, root: &ModelPath, inside: &str, deeper: usize) -> Result<(), Error> {
        let folder = root.join(inside);
        let failed = |error| checkpoint::Error::io(&folder, error);
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            match entry.map_err(failed)?.file_name().into_string() {
                Ok(name) => drop(names.insert(name)),
                Err(name) => self.left_out.push((name.to_string_lossy().into_owned(), "its name is not text")),
            }
        }
        for name in &names {
            let (path, relative) = (folder.join(name), joined(inside, name));
            let metadata = fs::metadata(&path).map_err(|error| checkpoint::Error::io(&path, error))?;
            if metadata.is_file() {
                self.file(&folder, inside, name, &names, metadata.len())?;
            } else if !metadata.is_dir() {
                return Err(checkpoint::Error::NotAFile { path: path.to_path_buf() }.into());
            } else if name.starts_with('.') {
                self.left_out.push((relative, "it is hidden"));
            } else if path.is_symlink() {
                self.left_out.push((relative, "it is a link to a folder"));
            } else if deeper == 0 {
                return Err(Error::TooDeep { path: path.to_path_buf() });
            } else {
                self.walk(root, &relative, deeper - 1)?;
            }
        }
        Ok(())
    }

    fn file(
        &mut self,
        folder: &ModelPath,
        inside: &str,
        name: &str,
        names: &BTreeSet<String>,
        size: u64,
    ) -> Result<(), Error> {
        let (relative, source) = (joined(inside, name), folder.join(name));
        self.safetensors |= name.ends_with(".safetensors");
        if name == RECORD && inside.is_empty() {
            return Ok(());
        }
        if is_of_a_run(name) {
            self.left_out.push((relative, "it belongs to a training run"));
        } else if name == INDEX {
            if names.contains("model.safetensors") || names.contains("model.safetensors.index.json") {
                self.left_out.push((relative, "the weights are there as safetensors"));
            } else {
                let Index { weight_map } = checkpoint::read_json(&source.anywhere(), LONGEST_INDEX)?;
                check_index(&source, names, &weight_map)?;
                self.indexes.push((inside.to_owned(), weight_map));
            }
        } else if let Some(to) = converted(name) {
            let whole = name.starts_with("pytorch_model") && names.contains("model.safetensors.index.json");
            if whole || names.contains(&to) {
                self.left_out.push((relative, "the weights are there as safetensors"));
            } else {
                self.convert.push((relative, joined(inside, &to)));
            }
        } else {
            source.check()?;
            self.copy.push(Copy { relative, source, size });
        }
        Ok(())
    }
}

/// Checks that every shard of an index is a file beside it.
fn check_index(path: &Path, names: &BTreeSet<String>, weight_map: &BTreeMap<String, String>) -> Result<(), Error> {
    for (tensor, shard) in weight_map {
        let path = || path.to_owned();
        if shard.contains(['/', '\\']) || converted(shard).is_none() {
            return Err(
                checkpoint::Error::ShardName { path: path(), tensor: tensor.clone(), shard: shard.clone() }.into()
            );
        }
        if !names.contains(shard) {
            return Err(checkpoint::Error::NoShard { path: path(), shard: shard.clone() }.into());
        }
    }
    Ok(())
}

/// The name of a file of torch after conversion; `None` for other files.
pub(super) fn converted(name: &str) -> Option<String> {
    let (stem, end) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?;
    let stem = match end {
        "pt" | "pth" => stem.to_owned(),
        "bin" if stem == "adapter_model" => stem.to_owned(),
        "bin" => format!("model{}", stem.strip_prefix("pytorch_model")?),
        _ => return None,
    };
    Some(format!("{stem}.safetensors"))
}

/// Whether a file is the state of a training run, which no loader of the model reads and which only a pickle can store.
fn is_of_a_run(name: &str) -> bool {
    let (stem, end) = name.rsplit_once('.').unwrap_or((name, ""));
    matches!(end, "bin" | "pt" | "pth")
        && (matches!(stem, "training_args" | "optimizer" | "scheduler" | "scaler") || stem.starts_with("rng_state"))
}

fn joined(inside: &str, name: &str) -> String {
    if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_torch_are_told_from_the_rest() {
        for (name, to) in [
            ("pytorch_model.bin", "model.safetensors"),
            ("pytorch_model-00001-of-00002.bin", "model-00001-of-00002.safetensors"),
            ("pytorch_model.fp16.bin", "model.fp16.safetensors"),
            ("adapter_model.bin", "adapter_model.safetensors"),
            ("colbert_linear.pt", "colbert_linear.safetensors"),
        ] {
            assert_eq!(converted(name).as_deref(), Some(to));
        }
        for name in ["openvino_model.bin", "vocab.bin", ".pt", "model.safetensors", "pytorch_model.bin.index.json"] {
            assert_eq!(converted(name), None, "{name}");
        }
        assert!(is_of_a_run("training_args.bin") && is_of_a_run("rng_state_0.pth") && !is_of_a_run("scheduler.json"));
    }
}
