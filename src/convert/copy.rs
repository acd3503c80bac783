//! Copies views of storages into the tensors of a safetensors file, in pieces, on all threads.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use flate2::Crc;
use rayon::prelude::*;

use super::error::Error;
use super::torch::TorchFile;
use crate::checkpoint::torch::{FileError, Tensor};
use crate::progress::Monitor;

/// Number of bytes that are processed at once.
const PIECE: usize = 4 << 20;

/// Checks that everything that is read matches its checksum.
pub(super) fn verify(file: &TorchFile, monitor: Monitor<'_>) -> Result<(), Error> {
    file.checked.par_iter().try_for_each(|entry| {
        let mut crc = Crc::new();
        let mut at = entry.range.start;
        let bytes = file.map.bytes().get(entry.range.clone()).unwrap_or_default();
        for piece in bytes.chunks(PIECE) {
            monitor.cancel.check(Error::Cancelled)?;
            crc.update(piece);
            file.map.release(at..at + piece.len());
            at += piece.len();
            (monitor.progress)(piece.len() as u64);
        }
        if crc.sum() == entry.crc {
            return Ok(());
        }
        let name = crate::escape::escaped(&entry.name);
        Err(Error::file(&file.path, FileError::Checksum { name }))
    })
}

/// Writes tensors to their offsets in `out`.
pub(super) fn write(
    file: &TorchFile,
    tensors: &[(&Tensor, u64)],
    out: &File,
    failed: &(dyn Fn(io::Error) -> Error + Sync),
    monitor: Monitor<'_>,
) -> Result<(), Error> {
    let pieces: Vec<(&Tensor, u64, u64, u64)> = tensors
        .iter()
        .flat_map(|&(tensor, offset)| {
            let most = (PIECE / tensor.width().max(1)) as u64;
            let pieces = tensor.elements().div_ceil(most);
            (0..pieces).map(move |piece| (tensor, offset, piece * most, most.min(tensor.elements() - piece * most)))
        })
        .collect();
    pieces.par_iter().try_for_each_init(Vec::new, |buffer, &(tensor, offset, first, count)| {
        monitor.cancel.check(Error::Cancelled)?;
        let width = tensor.width();
        let place = offset + first * width as u64;
        let storage = file.map.bytes().get(tensor.storage.clone()).unwrap_or_default();
        if tensor.is_contiguous() {
            let start = (tensor.offset + first) as usize * width;
            let length = count as usize * width;
            let bytes = storage.get(start..start + length).unwrap_or_default();
            out.write_all_at(bytes, place).map_err(failed)?;
            let start = tensor.storage.start + start;
            file.map.release(start..start + length);
        } else {
            buffer.clear();
            gather(tensor, storage, first, count, buffer);
            out.write_all_at(buffer, place).map_err(failed)?;
        }
        (monitor.progress)(count * width as u64);
        Ok(())
    })
}

/// Appends the elements `first` to `first + count` of a tensor, in its own order, to `buffer`.
fn gather(tensor: &Tensor, storage: &[u8], first: u64, count: u64, buffer: &mut Vec<u8>) {
    let width = tensor.width();
    let (Some(&row), Some(&stride)) = (tensor.shape.last(), tensor.strides.last()) else { return };
    let mut index = first;
    let end = first + count;
    while index < end {
        // The start of the row, and the next of its elements.
        let (mut rest, column) = (index / row as u64, index % row as u64);
        let mut start = tensor.offset;
        for (&size, &stride) in tensor.shape.iter().zip(&tensor.strides).rev().skip(1) {
            start += rest % size as u64 * stride;
            rest /= size as u64;
        }
        let run = (row as u64 - column).min(end - index);
        let at = |column: u64| (start + column * stride) as usize * width;
        // Every position was checked to be inside the storage when the tensor was found.
        if stride == 1 {
            buffer.extend_from_slice(storage.get(at(column)..at(column + run)).unwrap_or_default());
        } else {
            for column in column..column + run {
                buffer.extend_from_slice(storage.get(at(column)..at(column) + width).unwrap_or_default());
            }
        }
        index += run;
    }
}
