//! The weights of one module: one safetensors file or several, mapped into memory.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safetensors::Dtype;
use serde::Deserialize;

use super::error::Error;
use super::header::parse_header;
use super::map::Map;
use super::model_path::ModelPath;
use super::{json, names, torch};
use crate::kernel::DType;

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
/// The same of weights that torch saved.
const TORCH: [&str; 2] = ["pytorch_model.bin", "pytorch_model.bin.index.json"];
/// The longest index that is read.
const LONGEST_INDEX: u64 = 100_000_000;
/// Weight files in unsupported formats, in the order in which they are looked for.
const FOREIGN: &[&str] =
    &["model.pt", "tf_model.h5", "flax_model.msgpack", "rust_model.ot", "model.onnx", "model.gguf"];

/// The tensors of one module.
#[derive(Debug)]
pub struct Weights {
    files: Vec<File>,
    tensors: Vec<Tensor>,
    prefix: String,
}

#[derive(Debug)]
struct File {
    path: ModelPath,
    map: Arc<Map>,
    /// Its path, if a link leads out of the model's folder.
    outside: Option<PathBuf>,
}

/// The data of one tensor, which stays valid as long as this value.
#[derive(Clone, Debug)]
pub struct SharedData(Shared);

#[derive(Clone, Debug)]
enum Shared {
    Mapped { map: Arc<Map>, range: Range<usize> },
    Held(Arc<Vec<u8>>),
}

impl SharedData {
    /// The bytes, which may be unaligned for their dtype.
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Shared::Mapped { map, range } => map.bytes().get(range.clone()).unwrap_or_default(),
            Shared::Held(bytes) => bytes,
        }
    }
}

impl From<Arc<Vec<u8>>> for SharedData {
    fn from(bytes: Arc<Vec<u8>>) -> Self {
        Self(Shared::Held(bytes))
    }
}

/// The description of a tensor. [`Weights::bytes`] returns its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// The name in the file.
    pub name: String,
    /// The name without wrappers, by which tensors of several checkpoints are matched.
    pub canonical: String,
    /// The element type.
    pub dtype: Dtype,
    /// The dimensions, outermost first.
    pub shape: Vec<usize>,
    file: usize,
    range: Range<usize>,
}

impl Tensor {
    /// The floating-point dtype of the elements; `None` for integers, booleans and dtypes that cannot be merged.
    pub fn float(&self) -> Option<DType> {
        match self.dtype {
            Dtype::F64 => Some(DType::F64),
            Dtype::F32 => Some(DType::F32),
            Dtype::F16 => Some(DType::F16),
            Dtype::BF16 => Some(DType::Bf16),
            _ => None,
        }
    }

    /// The number of elements.
    pub fn elements(&self) -> u64 {
        // The header's parser has checked that the product does not overflow.
        self.shape.iter().map(|&dimension| dimension as u64).product()
    }

    /// The size of the elements in bytes.
    pub fn byte_len(&self) -> usize {
        self.range.len()
    }
}

impl Weights {
    /// Opens the weights of `folder`; `None` if it has none in any known format.
    pub(crate) fn open(folder: &ModelPath) -> Result<Option<Self>, Error> {
        let single = folder.join(SINGLE);
        if json::entry_exists(&single)? {
            return Self::from_files(vec![File::open(single.clone())?], &single).map(Some);
        }
        let index = folder.join(INDEX);
        if json::entry_exists(&index)? {
            return Self::from_index(folder, &index).map(Some);
        }
        let [single, index] = TORCH.map(|name| folder.join(name));
        if json::entry_exists(&single)? {
            return Self::from_files(vec![File::open(single.clone())?], &single).map(Some);
        }
        if json::entry_exists(&index)? {
            return Self::from_index(folder, &index).map(Some);
        }
        for name in FOREIGN {
            let path = folder.join(name);
            if json::entry_exists(&path)? {
                return Err(Error::ForeignWeights { path: path.to_path_buf() });
            }
        }
        if json::entry_exists(&folder.join("adapter_model.safetensors"))?
            || json::entry_exists(&folder.join("adapter_model.bin"))?
        {
            return Err(Error::Adapter { path: folder.to_path_buf() });
        }
        Ok(None)
    }

    /// Opens a single file.
    pub(crate) fn open_file(path: &ModelPath) -> Result<Self, Error> {
        Self::from_files(vec![File::open(path.to_owned())?], path)
    }

    /// Weights that are planned and not in any file; [`Weights::bytes`] is empty for their tensors.
    pub(crate) fn planned(entries: impl IntoIterator<Item = (String, Dtype, Vec<usize>)>) -> Self {
        let tensor = |(name, dtype, shape): (String, Dtype, Vec<usize>)| {
            let elements: usize = shape.iter().product();
            let range = 0..(elements * dtype.bitsize()).div_ceil(8);
            Tensor { canonical: names::canonical_name(&name), name, dtype, shape, file: usize::MAX, range }
        };
        let mut tensors: Vec<Tensor> = entries.into_iter().map(tensor).collect();
        canonically(&mut tensors);
        let prefix = common_wrapper(&tensors);
        Self { files: Vec::new(), tensors, prefix }
    }

    fn from_index(folder: &ModelPath, path: &ModelPath) -> Result<Self, Error> {
        let Index { weight_map } = json::read(&path.anywhere(), LONGEST_INDEX)?;
        for (tensor, shard) in &weight_map {
            if !is_file_name(shard) {
                return Err(Error::ShardName {
                    path: path.to_path_buf(),
                    tensor: tensor.clone(),
                    shard: shard.clone(),
                });
            }
        }
        let shards: BTreeSet<&String> = weight_map.values().collect();
        let mut files = Vec::with_capacity(shards.len());
        for shard in shards {
            let file = folder.join(shard);
            if !json::entry_exists(&file)? {
                return Err(Error::NoShard { path: path.to_path_buf(), shard: shard.clone() });
            }
            files.push(File::open(file)?);
        }
        let weights = Self::from_files(files, path)?;
        weights.check_index(path, &weight_map)?;
        Ok(weights)
    }

    /// Checks that every tensor is where the index says. A tensor that the index omits is used all the same.
    fn check_index(&self, path: &Path, weight_map: &BTreeMap<String, String>) -> Result<(), Error> {
        let place: HashMap<&str, usize> =
            self.tensors.iter().map(|tensor| (tensor.name.as_str(), tensor.file)).collect();
        for (tensor, shard) in weight_map {
            let found = place.get(tensor.as_str()).and_then(|&file| self.files.get(file));
            if !found.is_some_and(|file| file.path.ends_with(shard)) {
                let (tensor, shard) = (tensor.clone(), shard.clone());
                return Err(Error::NotInShard { path: path.to_path_buf(), tensor, shard });
            }
        }
        Ok(())
    }

    fn from_files(files: Vec<File>, named: &Path) -> Result<Self, Error> {
        let mut tensors = Vec::new();
        for (file, opened) in files.iter().enumerate() {
            if opened.is_torch() {
                tensors.extend(opened.saved_by_torch(file)?);
                continue;
            }
            let path = || opened.path.to_path_buf();
            let entries = parse_header(opened.map.bytes()).map_err(|source| Error::Header { path: path(), source })?;
            tensors.extend(entries.into_iter().map(|entry| Tensor {
                canonical: names::canonical_name(&entry.name),
                name: entry.name,
                dtype: entry.dtype,
                shape: entry.shape,
                file,
                range: entry.range,
            }));
        }
        if tensors.is_empty() {
            return Err(Error::NoTensors { path: named.to_owned() });
        }
        check_names(&files, &mut tensors)?;
        let prefix = common_wrapper(&tensors);
        Ok(Self { files, tensors, prefix })
    }

    /// Every tensor, sorted by canonical name.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The tensor of that canonical name.
    pub fn get(&self, canonical: &str) -> Option<&Tensor> {
        let index = self.tensors.binary_search_by(|tensor| tensor.canonical.as_str().cmp(canonical)).ok()?;
        self.tensors.get(index)
    }

    /// The files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    /// The files that torch saved, which are read where they are.
    pub fn saved_by_torch(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter(|file| file.is_torch()).map(|file| &*file.path)
    }

    /// The files that are links out of the model's folder, each with its target.
    pub fn outside(&self) -> impl Iterator<Item = (&Path, &Path)> {
        self.files.iter().filter_map(|file| Some((&*file.path, file.outside.as_deref()?)))
    }

    /// The file of a tensor of these weights.
    pub fn file_of(&self, tensor: &Tensor) -> Option<&Path> {
        self.files.get(tensor.file).map(|file| &*file.path)
    }

    /// The data of a tensor of these weights, in the memory map. It may be unaligned for its dtype, because a safetensors
    /// header may have any length.
    pub fn bytes(&self, tensor: &Tensor) -> &[u8] {
        self.files.get(tensor.file).and_then(|file| file.map.bytes().get(tensor.range.clone())).unwrap_or_default()
    }

    /// The data of a tensor, which may outlive these weights. The system is asked to read it ahead.
    pub fn share(&self, tensor: &Tensor) -> Option<SharedData> {
        let map = &self.files.get(tensor.file)?.map;
        map.expect(tensor.range.clone());
        Some(SharedData(Shared::Mapped { map: Arc::clone(map), range: tensor.range.clone() }))
    }

    /// Releases the pages of a byte range of the tensor, so that resident memory stays small. The range can still be read.
    /// Consecutive ranges leave at most the last page resident.
    pub fn release(&self, tensor: &Tensor, range: Range<usize>) {
        if let Some((map, range)) = self.in_file(tensor, &range) {
            map.release(range);
        }
    }

    /// Reads bytes of a tensor of these weights, from byte `offset` of its data on, without touching the map.
    ///
    /// # Errors
    /// Errors of the system; an unexpected end of file if the file has become shorter.
    pub fn read(&self, tensor: &Tensor, offset: usize, buffer: &mut [u8]) -> io::Result<()> {
        match self.in_file(tensor, &(offset..offset.saturating_add(buffer.len()))) {
            Some((map, range)) if range.len() == buffer.len() => map.read(range.start, buffer),
            None if buffer.is_empty() => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Converts a byte range of a tensor to one of its file, clamped to the tensor.
    fn in_file(&self, tensor: &Tensor, range: &Range<usize>) -> Option<(&Map, Range<usize>)> {
        let file = self.files.get(tensor.file)?;
        let start = tensor.range.start.saturating_add(range.start);
        let end = tensor.range.start.saturating_add(range.end).min(tensor.range.end);
        (start < end).then_some((&file.map, start..end))
    }

    /// The wrapper of this checkpoint's layer names, such as `bert.`; empty without one.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The name that a tensor has, or would have, in this checkpoint.
    pub fn respell(&self, canonical: &str) -> String {
        match self.get(canonical) {
            Some(tensor) => tensor.name.clone(),
            None if names::is_head(canonical) => canonical.to_owned(),
            None => format!("{}{canonical}", self.prefix),
        }
    }

    /// Bytes of all tensors together.
    pub fn byte_len(&self) -> u64 {
        self.tensors.iter().map(|tensor| tensor.byte_len() as u64).sum()
    }
}

impl File {
    fn open(path: ModelPath) -> Result<Self, Error> {
        let (map, outside) = path.map_weights()?;
        Ok(Self { path, map: Arc::new(map), outside })
    }

    /// Whether torch saved it.
    fn is_torch(&self) -> bool {
        self.path.extension().is_some_and(|end| end == "bin" || end == "pt")
    }

    /// The tensors of a file of torch, as number `file`. One whose elements do not lie one after the other has to be converted.
    fn saved_by_torch(&self, file: usize) -> Result<Vec<Tensor>, Error> {
        let (found, _) =
            torch::read(self.map.bytes()).map_err(|source| Error::Torch { path: self.path.to_path_buf(), source })?;
        let tensor = |found: torch::Tensor| {
            let start = usize::try_from(found.offset).ok()?.checked_mul(found.width())?;
            let start = start.checked_add(found.storage.start).filter(|_| found.is_contiguous())?;
            let end = start.checked_add(usize::try_from(found.byte_len()).ok()?)?;
            Some(Tensor {
                canonical: names::canonical_name(&found.name),
                name: found.name,
                dtype: found.dtype,
                shape: found.shape,
                file,
                range: start..end,
            })
        };
        let tensors: Option<Vec<Tensor>> = found.into_iter().map(tensor).collect();
        tensors.ok_or_else(|| Error::ForeignWeights { path: self.path.to_path_buf() })
    }
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Whether a name is that of a file next to the index. Links are fine: a Hugging Face cache consists of them.
fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', ':', '\0'])
}

/// Sorts by canonical name, keeps the original names if two would become equal, and refuses a name in two shards.
fn check_names(files: &[File], tensors: &mut [Tensor]) -> Result<(), Error> {
    tensors.sort_by(|a, b| (&a.name, a.file).cmp(&(&b.name, b.file)));
    for (one, other) in tensors.iter().zip(tensors.iter().skip(1)) {
        if one.name == other.name {
            let path = |tensor: &Tensor| files.get(tensor.file).map(|file| file.path.to_path_buf()).unwrap_or_default();
            return Err(Error::InTwoShards { tensor: one.name.clone(), first: path(one), second: path(other) });
        }
    }
    canonically(tensors);
    Ok(())
}

/// Sorts by canonical name, and keeps the original names if two would become equal.
fn canonically(tensors: &mut [Tensor]) {
    tensors.sort_by(|a, b| a.canonical.cmp(&b.canonical));
    let collide = tensors.iter().zip(tensors.iter().skip(1)).any(|(one, other)| one.canonical == other.canonical);
    if collide {
        for tensor in tensors.iter_mut() {
            tensor.canonical.clone_from(&tensor.name);
        }
        tensors.sort_by(|a, b| a.canonical.cmp(&b.canonical));
    }
}

/// The wrapper of most layer tensors, or of most tensors if there are no layers.
fn common_wrapper(tensors: &[Tensor]) -> String {
    let layered = tensors.iter().any(|tensor| names::layer_of(&tensor.canonical).is_some());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for tensor in tensors {
        let counted =
            if layered { names::layer_of(&tensor.canonical).is_some() } else { !names::is_head(&tensor.canonical) };
        // Where names collided, the wrapper is part of the canonical name.
        if counted && tensor.canonical != tensor.name {
            *counts.entry(names::split_wrapper(&tensor.name).0).or_default() += 1;
        } else if counted {
            *counts.entry("").or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|&(_, count)| count);
    most.map(|(wrapper, _)| wrapper.to_owned()).unwrap_or_default()
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
