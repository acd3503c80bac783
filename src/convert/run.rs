//! Converts a folder with torch's files to a folder with safetensors.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::copy;
use super::error::Error;
use super::folder::{Listing, converted};
use super::torch::TorchFile;
use crate::checkpoint::torch::Tensor;
use crate::checkpoint::{self, HubSnapshot, Links, ModelPath, canonical_name, is_head};
use crate::escape;
use crate::plan::{Entry, header, in_file_order};
use crate::progress::Monitor;
use crate::write::{self, OutputFolder, RECORD, reserve, write_file};

/// A folder that can be converted: its weight files are mapped, their pickles read, and every tensor found.
#[derive(Debug)]
pub struct Conversion {
    folder: ModelPath,
    listing: Listing,
    files: Vec<Item>,
}

/// A file to convert.
#[derive(Debug)]
struct Item {
    from: String,
    to: String,
    file: TorchFile,
    /// Indices of the tensors that are written, in the order of the output, each with its offset.
    written: Vec<(usize, u64)>,
    header: Vec<u8>,
    size: u64,
}

/// The output and its options.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The folder to write.
    pub out: &'a Path,
    /// Whether a folder that admix wrote is replaced.
    pub force: bool,
    /// Whether to wait until everything is on disk.
    pub sync: bool,
}

/// A file that was converted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The file, relative to the input.
    pub from: String,
    /// The converted file, relative to the output.
    pub to: String,
    /// How many tensors it has.
    pub tensors: usize,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The result of a conversion.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The folder.
    pub path: PathBuf,
    /// The files that were converted.
    pub files: Vec<Converted>,
    /// How many files were copied.
    pub copied: usize,
    /// Warnings: files that were left out, tensors that are written only once.
    pub warnings: Vec<String>,
}

impl Conversion {
    /// Opens a folder, or the snapshot in the Hub's cache that `org/name[@revision]` stands for. No tensor is read.
    ///
    /// # Errors
    /// A folder without files of torch, and files that are refused: damaged ones, and pickles that need more than tensors.
    /// Links out of the folder are refused.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::open_with(folder, Links::Inside)
    }

    /// As [`Conversion::open`]; `links` says whether links out of the folder are followed.
    pub fn open_with(folder: &Path, links: Links) -> Result<Self, Error> {
        let folder = checkpoint::locate(folder)?;
        checkpoint::check_folder(&folder)?;
        let folder = ModelPath::of(&folder, links)?;
        let listing = Listing::of(&folder)?;
        if listing.convert.is_empty() {
            return Err(Error::Nothing { path: folder.to_path_buf(), safetensors: listing.safetensors });
        }
        let open = |(from, to): &(String, String)| {
            let file = TorchFile::open(folder.join(from))?;
            Ok(Item::new(from.clone(), to.clone(), file, ties_words(&folder, from)?))
        };
        let files = listing.convert.iter().map(open).collect::<Result<Vec<_>, Error>>()?;
        let conversion = Self { folder, listing, files };
        conversion.check_indexes()?;
        Ok(conversion)
    }

    /// The folder that is converted.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The number of bytes that [`Conversion::write`] processes, for its progress.
    pub fn work_bytes(&self) -> u64 {
        let files = self.files.iter().map(|item| item.file.checked_bytes() + item.data_bytes());
        files.sum::<u64>() + self.listing.copy.iter().map(|copy| copy.size).sum::<u64>()
    }

    /// Writes the folder, which appears when it is complete.
    ///
    /// # Errors
    /// A file that does not match its checksums, an output that may not be written, a full disk.
    pub fn write(&self, request: Request<'_>, monitor: Monitor<'_>) -> Result<Outcome, Error> {
        let Request { out, force, sync } = request;
        let folder = OutputFolder::create(out, force, std::iter::once(&*self.folder))?;
        for item in &self.files {
            copy::verify(&item.file, monitor)?;
        }
        for item in &self.files {
            item.write(&folder.path().join(&item.to), sync, monitor)?;
        }
        for (inside, index) in self.indexes() {
            let name = "model.safetensors.index.json";
            let name = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
            write_file(&folder.path().join(name), format!("{index:#}\n").as_bytes(), sync)?;
        }
        self.copy_rest(folder.path(), sync, monitor)?;
        let warnings = self.warnings();
        write_file(&folder.path().join(RECORD), (escape::json(&self.record(&warnings), true) + "\n").as_bytes(), sync)?;
        let path = folder.commit(sync)?;
        Ok(Outcome { path, files: self.converted(), copied: self.listing.copy.len(), warnings })
    }

    fn converted(&self) -> Vec<Converted> {
        let converted = |item: &Item| Converted {
            from: item.from.clone(),
            to: item.to.clone(),
            tensors: item.written.len(),
            bytes: item.size,
        };
        self.files.iter().map(converted).collect()
    }

    fn copy_rest(&self, folder: &Path, sync: bool, monitor: Monitor<'_>) -> Result<(), Error> {
        for file in &self.listing.copy {
            monitor.cancel.check(Error::Cancelled)?;
            let target = folder.join(&file.relative);
            make_parent(&target)?;
            let mut source = file.source.open()?;
            let mut made = File::create_new(&target).map_err(write::Error::io("create", &target))?;
            io::copy(&mut source, &mut made)
                .map_err(|error| write::Error::from_io("write", target.clone(), Some(file.size), error))?;
            if sync {
                made.sync_all().map_err(write::Error::io("sync", &target))?;
            }
            (monitor.progress)(file.size);
        }
        Ok(())
    }

    /// Checks that every tensor is in the shard that the index names.
    fn check_indexes(&self) -> Result<(), Error> {
        for (inside, weight_map) in &self.listing.indexes {
            let of_folder = self.files.iter().filter(|item| parent(&item.from) == inside);
            let places: HashSet<(&str, &str)> = of_folder
                .flat_map(|item| item.file.tensors.iter().map(|tensor| (tensor.name.as_str(), last(&item.from))))
                .collect();
            for (tensor, shard) in weight_map {
                let short = tensor.strip_prefix("module.").unwrap_or(tensor);
                let there = |name: &str| places.contains(&(name, shard.as_str()));
                if !there(tensor) && !there(short) {
                    let path = self.folder.join(inside).join("pytorch_model.bin.index.json").to_path_buf();
                    let (tensor, shard) = (tensor.clone(), shard.clone());
                    return Err(checkpoint::Error::NotInShard { path, tensor, shard }.into());
                }
            }
        }
        Ok(())
    }

    /// The index of each folder that has one, as transformers writes it.
    fn indexes(&self) -> Vec<(&str, Value)> {
        let index = |(inside, shards): &'_ (String, BTreeMap<String, String>)| {
            let shards: BTreeSet<Option<String>> = shards.values().map(|shard| converted(shard)).collect();
            let of_folder = self
                .files
                .iter()
                .filter(|item| parent(&item.to) == inside && shards.contains(&Some(last(&item.to).to_owned())));
            let (mut map, mut total) = (BTreeMap::new(), 0);
            for item in of_folder {
                total += item.data_bytes();
                map.extend(item.tensors().map(|tensor| (tensor.name.clone(), json!(last(&item.to)))));
            }
            let map: Map<String, Value> = map.into_iter().collect();
            json!({"metadata": {"total_size": total}, "weight_map": map})
        };
        self.listing.indexes.iter().map(|entry| (entry.0.as_str(), index(entry))).collect()
    }

    fn warnings(&self) -> Vec<String> {
        let left = self.listing.left_out.iter().map(|(name, why)| format!("`{name}` is left out: {why}"));
        let tied = self.files.iter().flat_map(|item| {
            let dropped = item.file.tensors.iter().enumerate().filter(|(index, _)| !item.has(*index));
            dropped.map(|(_, tensor)| {
                format!(
                    "`{}` of `{}` is the embedding under another name, which loaders tie; it is written once",
                    tensor.name, item.from
                )
            })
        });
        let outside = self.files.iter().filter_map(|item| {
            let place = item.file.outside.as_ref()?.display();
            Some(format!("`{}` leads out of the model folder: the weights of `{place}` are converted", item.from))
        });
        left.chain(tied).chain(outside).collect()
    }

    /// admix.json; it also marks the folder as one that admix wrote.
    fn record(&self, warnings: &[String]) -> Value {
        let file = |file: &Converted| json!({"from": file.from, "to": file.to, "tensors": file.tensors});
        let mut record = json!({
            "admix": env!("CARGO_PKG_VERSION"),
            "converted_from": self.folder.display().to_string(),
            "files": self.converted().iter().map(file).collect::<Vec<_>>(),
            "warnings": warnings,
        });
        if let (Some(snapshot), Some(record)) = (HubSnapshot::of(&self.folder), record.as_object_mut()) {
            record.insert("hub".into(), json!({"name": snapshot.name, "commit": snapshot.commit}));
        }
        record
    }
}

impl Item {
    fn new(from: String, to: String, file: TorchFile, ties: bool) -> Self {
        let mut order: Vec<usize> = written(&file.tensors, ties);
        let entry = |index: &usize| file.tensors.get(*index).map(Tensor::entry);
        order.sort_by(|a, b| match (entry(a), entry(b)) {
            (Some(a), Some(b)) => in_file_order(&a, &b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        });
        let header = header(order.iter().filter_map(entry));
        let mut offset = header.len() as u64;
        let mut places = Vec::with_capacity(order.len());
        for index in order {
            places.push((index, offset));
            offset += file.tensors.get(index).map_or(0, Tensor::byte_len);
        }
        Self { from, to, file, written: places, header, size: offset }
    }

    /// The tensors that are written.
    fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        self.written.iter().filter_map(|(index, _)| self.file.tensors.get(*index))
    }

    fn has(&self, index: usize) -> bool {
        self.written.iter().any(|(written, _)| *written == index)
    }

    fn data_bytes(&self) -> u64 {
        self.size - self.header.len() as u64
    }

    fn write(&self, path: &Path, sync: bool, monitor: Monitor<'_>) -> Result<(), Error> {
        make_parent(path)?;
        let failed = |error| Error::from(write::Error::from_io("write", path.to_owned(), Some(self.size), error));
        let out = File::create_new(path).map_err(write::Error::io("create", path))?;
        reserve(&out, self.size).and_then(|()| out.write_all_at(&self.header, 0)).map_err(failed)?;
        let tensors: Vec<(&Tensor, u64)> =
            self.written.iter().filter_map(|(index, offset)| Some((self.file.tensors.get(*index)?, *offset))).collect();
        copy::write(&self.file, &tensors, &out, &failed, monitor)?;
        if sync {
            out.sync_all().map_err(write::Error::io("sync", path))?;
        }
        Ok(())
    }
}

impl Tensor {
    fn entry(&self) -> Entry<'_> {
        Entry { name: &self.name, dtype: self.dtype, shape: &self.shape, bytes: self.byte_len() }
    }
}

/// The indices of the tensors that are written: all except a head's weights that are the token embeddings under another
/// name, which loaders tie again. Every other tensor is written under each of its names.
fn written(tensors: &[Tensor], ties: bool) -> Vec<usize> {
    let head = |tensor: &Tensor| is_head(&canonical_name(&tensor.name));
    let others = tensors.iter().filter(|tensor| !head(tensor) && tensor.elements() > 0);
    let embeddings: BTreeSet<_> = others.map(Tensor::view).collect();
    let is_tied = |tensor: &Tensor| ties && head(tensor) && embeddings.contains(&tensor.view());
    tensors.iter().enumerate().filter(|(_, tensor)| !is_tied(tensor)).map(|(index, _)| index).collect()
}

/// Whether the configuration beside a file ties the head to the token embeddings, which is the default.
fn ties_words(root: &ModelPath, file: &str) -> Result<bool, Error> {
    let config = checkpoint::read_config(&root.join(parent(file)).join("config.json"))?;
    let tied = config.as_ref().and_then(|config| config.get("tie_word_embeddings")).and_then(Value::as_bool);
    Ok(config.is_some() && tied != Some(false))
}

/// The folder of a relative path; empty at the top.
fn parent(relative: &str) -> &str {
    relative.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn last(relative: &str) -> &str {
    relative.rsplit('/').next().unwrap_or(relative)
}

fn make_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) => Ok(fs::create_dir_all(parent).map_err(write::Error::io("create", parent))?),
        None => Ok(()),
    }
}
