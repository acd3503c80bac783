//! A file that torch saved, mapped.

use std::path::PathBuf;

use super::error::Error;
use crate::checkpoint::torch::{Entry, Tensor, read};
use crate::checkpoint::{Map, ModelPath};

/// A weight file of torch, mapped.
#[derive(Debug)]
pub(super) struct TorchFile {
    pub(super) path: ModelPath,
    pub(super) map: Map,
    /// Its path, if a link leads out of the folder.
    pub(super) outside: Option<PathBuf>,
    /// Sorted by name.
    pub(super) tensors: Vec<Tensor>,
    /// Ranges that have a checksum, with their names.
    pub(super) checked: Vec<Entry>,
}

impl TorchFile {
    /// Maps a file and reads its pickle, without touching the numbers.
    pub(super) fn open(path: ModelPath) -> Result<Self, Error> {
        let (map, outside) = path.map_weights()?;
        let (tensors, checked) = read(map.bytes()).map_err(|source| Error::file(&path, source))?;
        Ok(Self { path, map, outside, tensors, checked })
    }

    /// The number of bytes that are read to verify checksums.
    pub(super) fn checked_bytes(&self) -> u64 {
        self.checked.iter().map(|entry| entry.range.len() as u64).sum()
    }
}
