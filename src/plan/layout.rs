//! Lays out the output's weight files: the place of each tensor, and the safetensors headers.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use safetensors::Dtype;
use serde_json::{Map, Value, json};

use super::types::{PlannedFile, PlannedTensor};
use crate::checkpoint::torch;

/// A safetensors header is padded to this many bytes, so that the data begins aligned.
const ALIGNMENT: usize = 8;

/// Gives every tensor its file and offset, sorts the tensors by place and returns the files. `heads` has the file of each
/// head that is one file beside the model.
///
/// The order is that of the safetensors library: wider dtypes first, so that all data is aligned, then by name.
pub(super) fn place(
    tensors: &mut Vec<PlannedTensor>,
    shard_size: Option<u64>,
    heads: &BTreeMap<String, String>,
) -> Vec<PlannedFile> {
    tensors.sort_by(|a, b| (&a.module, &a.name).cmp(&(&b.module, &b.name)));
    let mut shards: Vec<Shard> = Vec::new();
    for mut tensor in tensors.drain(..) {
        let size = tensor.byte_len();
        let fits = |shard: &Shard| {
            let within = shard_size.is_none_or(|limit| shard.size.saturating_add(size) <= limit);
            let is_whole = heads.contains_key(&tensor.module) || shard.tensors.is_empty();
            shard.module == tensor.module && (within || is_whole)
        };
        if !shards.last().is_some_and(fits) {
            shards.push(Shard { module: tensor.module.clone(), size: 0, tensors: Vec::new() });
        }
        if let Some(shard) = shards.last_mut() {
            shard.size += size;
            tensor.file = 0;
            shard.tensors.push(tensor);
        }
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for shard in &shards {
        *counts.entry(shard.module.clone()).or_default() += 1;
    }
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut files = Vec::new();
    for mut shard in shards {
        let number = numbers.entry(shard.module.clone()).or_default();
        *number += 1;
        shard.tensors.sort_by(|a, b| in_file_order(&Entry::of(a), &Entry::of(b)));
        for tensor in &mut shard.tensors {
            tensor.file = files.len();
        }
        let file = match heads.get(&shard.module) {
            Some(file) => shard.head(file),
            None => shard.weights(*number, counts.get(&shard.module).copied().unwrap_or(1)),
        };
        files.push(file);
        tensors.append(&mut shard.tensors);
    }
    files
}

impl Shard {
    /// The safetensors file of these tensors, one of `count` of the module.
    fn weights(&mut self, number: usize, count: usize) -> PlannedFile {
        let name = if count > 1 {
            format!("model-{number:05}-of-{count:05}.safetensors")
        } else {
            "model.safetensors".to_owned()
        };
        let relative = if self.module.is_empty() { name } else { format!("{}/{name}", self.module) };
        self.safetensors(relative)
    }

    fn safetensors(&mut self, relative: String) -> PlannedFile {
        let header = header(self.tensors.iter().map(Entry::of));
        let mut size = header.len() as u64;
        for tensor in &mut self.tensors {
            tensor.offset = size;
            size += tensor.byte_len();
        }
        PlannedFile { relative, module: self.module.clone(), pieces: vec![(0, header)], checksums: Vec::new(), size }
    }

    /// The file of a head, in the form of torch, because no other is loaded.
    fn head(&mut self, file: &str) -> PlannedFile {
        let planned =
            |tensor: &'_ PlannedTensor| (tensor.name.clone(), tensor.dtype, tensor.shape.clone(), tensor.byte_len());
        let tensors: Vec<_> = self.tensors.iter().map(planned).collect();
        let tensors: Vec<_> = tensors
            .iter()
            .map(|(name, dtype, shape, bytes)| torch::Planned { name, dtype: *dtype, shape, bytes: *bytes })
            .collect();
        let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
        let Some(archive) = torch::lay_out(stem, &tensors) else {
            return self.safetensors(format!("{stem}.safetensors"));
        };
        for (tensor, offset) in self.tensors.iter_mut().zip(&archive.offsets) {
            tensor.offset = *offset;
        }
        PlannedFile {
            relative: file.to_owned(),
            module: self.module.clone(),
            pieces: archive.pieces,
            checksums: archive.checksums,
            size: archive.size,
        }
    }
}

struct Shard {
    module: String,
    size: u64,
    tensors: Vec<PlannedTensor>,
}

/// The sort key for dtypes, as in the safetensors library: of two dtypes of equal width the later one goes first.
fn alignment(dtype: Dtype) -> (usize, Dtype) {
    (dtype.bitsize(), dtype)
}

/// A tensor of a safetensors file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a str,
    pub(crate) dtype: Dtype,
    pub(crate) shape: &'a [usize],
    /// Its size.
    pub(crate) bytes: u64,
}

impl<'a> Entry<'a> {
    fn of(tensor: &'a PlannedTensor) -> Self {
        Self { name: &tensor.name, dtype: tensor.dtype, shape: &tensor.shape, bytes: tensor.byte_len() }
    }
}

/// The order of tensors in a file.
pub(crate) fn in_file_order(a: &Entry<'_>, b: &Entry<'_>) -> Ordering {
    (alignment(b.dtype), a.name).cmp(&(alignment(a.dtype), b.name))
}

/// The header of a file whose tensors lie one after the other in this order.
pub(crate) fn header<'a>(tensors: impl Iterator<Item = Entry<'a>>) -> Vec<u8> {
    let mut entries = Map::new();
    entries.insert("__metadata__".into(), json!({"format": "pt"}));
    let mut offset = 0;
    for tensor in tensors {
        let end = offset + tensor.bytes;
        let dtype = serde_json::to_value(tensor.dtype).unwrap_or(Value::Null);
        entries.insert(
            tensor.name.to_owned(),
            json!({"dtype": dtype, "shape": tensor.shape, "data_offsets": [offset, end]}),
        );
        offset = end;
    }
    let mut json = Value::Object(entries).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.append(&mut json);
    header
}
