//! Opens files that torch saved: the zip archive of current versions, or the stream of pickles and numbers of versions
//! before 1.6.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::error::FileError;
use super::pickle::{self, Pickle};
use super::state::{self, Tensor};
use super::value::{Storage, Value};
use super::zip::{self, Entry};
use crate::escape::escaped;

/// The longest pickle that is read; a state dict of a thousand tensors has some hundred kilobytes.
const LONGEST_PICKLE: usize = 64 << 20;
/// The integer that the old format begins with.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// The version of the old format.
const PROTOCOL: i128 = 1001;
/// How many times the file's size its tensors may take. Tensors can share a storage, and a larger output would be an attack
/// on the disk.
const MOST_TIMES: u64 = 64;

/// The tensors of a file and what has checksums.
pub(crate) fn read(file: &[u8]) -> Result<(Vec<Tensor>, Vec<Entry>), FileError> {
    let found = match file {
        [] => "empty",
        [b'P', b'K', 3, 4, ..] => return archive(file),
        [0x80, 2..=5, ..] => return legacy(file).map(|tensors| (tensors, Vec::new())),
        _ if file.starts_with(b"version https://git-lfs") => "a git-lfs pointer",
        _ if file.get(257..262) == Some(b"ustar") => "a tar archive, as torch wrote before 0.1.10",
        _ if file.get(8) == Some(&b'{') => "a safetensors file",
        _ => "neither a zip archive nor a pickle",
    };
    Err(FileError::Format { found })
}

/// The name of a tensor, its shape, and the range of its storage.
#[doc(hidden)]
pub type Found = (String, Vec<usize>, Range<usize>);

/// The tensors of a file, for tests.
///
/// # Errors
/// Whatever is wrong with the file.
#[doc(hidden)]
pub fn found_in(file: &[u8]) -> Result<Vec<Found>, FileError> {
    let (tensors, _) = read(file)?;
    Ok(tensors.into_iter().map(|tensor| (tensor.name, tensor.shape, tensor.storage)).collect())
}

fn archive(file: &[u8]) -> Result<(Vec<Tensor>, Vec<Entry>), FileError> {
    let entries = zip::entries(file)?;
    let pickle = entries.iter().find(|entry| entry.name.split_once('/').is_some_and(|(_, rest)| rest == "data.pkl"));
    let Some(pickle) = pickle else { return Err(FileError::NoEntry("data.pkl".to_owned())) };
    let root = pickle.name.strip_suffix("data.pkl").unwrap_or_default();
    let by_name: HashMap<&str, &Entry> =
        entries.iter().filter_map(|entry| Some((entry.name.strip_prefix(root)?, entry))).collect();
    if by_name.contains_key("constants.pkl") {
        return Err(FileError::Script);
    }
    if let Some(order) = by_name.get("byteorder") {
        let order = file.get(order.range.clone()).unwrap_or_default();
        if order != b"little" {
            return Err(FileError::ByteOrder(escaped(&String::from_utf8_lossy(order.get(..16).unwrap_or(order)))));
        }
    }
    // The slice is cut only at its end, so that the reader's offsets count from the start of the file.
    let bytes = file.get(..pickle.range.end).unwrap_or_default();
    let content = read_pickle(bytes, pickle.range.start)?;
    let place = |storage: &Storage<'_>| {
        let name = format!("data/{}", storage.key);
        let entry = by_name.get(name.as_str()).ok_or_else(|| FileError::NoEntry(escaped(&name)))?;
        sized(storage, entry.range.clone())
    };
    let storages = content.heap.storages.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let tensors = state::tensors(&content, &storages)?;
    bounded(&tensors, file)?;
    let used: HashSet<usize> = tensors.iter().map(|tensor| tensor.storage.start).collect();
    let is_read = |entry: &&Entry| entry.range == pickle.range || used.contains(&entry.range.start);
    // torch writes zeros if it is told to write no checksums.
    let checked = entries.iter().filter(is_read).filter(|entry| entry.crc != 0).cloned().collect();
    Ok((tensors, checked))
}

fn read_pickle(bytes: &[u8], start: usize) -> Result<Pickle<'_>, FileError> {
    let size = bytes.len().saturating_sub(start);
    if size > LONGEST_PICKLE {
        return Err(FileError::LongPickle { size, limit: LONGEST_PICKLE });
    }
    Ok(pickle::read(bytes, start)?)
}

/// Checks that a storage has the bytes that the pickle says.
fn sized(storage: &Storage<'_>, range: Range<usize>) -> Result<Range<usize>, FileError> {
    let found = range.len() as u64;
    match storage.byte_len() {
        Some(needed) if needed == found => Ok(range),
        needed => Err(FileError::Storage { key: escaped(storage.key), needed: needed.unwrap_or(u64::MAX), found }),
    }
}

/// Checks that the output is not many times the input.
fn bounded(tensors: &[Tensor], file: &[u8]) -> Result<(), FileError> {
    let needed = tensors.iter().fold(0_u64, |sum, tensor| sum.saturating_add(tensor.byte_len()));
    let times = needed / (file.len() as u64).max(1);
    if times > MOST_TIMES { Err(FileError::Amplified { needed, times }) } else { Ok(()) }
}

/// Reads the old format: magic number, version and a description of the machine, each a pickle; the state dict; the order
/// of the storages; and each storage after the number of its elements.
fn legacy(file: &[u8]) -> Result<Vec<Tensor>, FileError> {
    let part = |start| {
        let end = file.len().min(usize::saturating_add(start, LONGEST_PICKLE));
        pickle::read(file.get(..end).unwrap_or_default(), start)
    };
    let wrong = |found| FileError::Legacy { found };
    let magic = part(0)?;
    if magic.root != Value::Number(MAGIC) {
        return Err(FileError::Format { found: "a pickle without torch's mark" });
    }
    let version = part(magic.end)?;
    if version.root != Value::Number(PROTOCOL) {
        return Err(wrong("another version"));
    }
    let machine = part(version.end)?;
    let little = |entry: &(Value<'_>, Value<'_>)| *entry == (Value::Text("little_endian"), Value::Flag(true));
    if !machine.heap.dict(machine.root).is_some_and(|entries| entries.iter().any(little)) {
        return Err(FileError::ByteOrder("big".to_owned()));
    }
    let content = part(machine.end)?;
    let keys = part(content.end)?;
    let Value::List(keys_list) = keys.root else { return Err(wrong("no list of storages")) };
    let keys_list = keys.heap.lists.get(keys_list).map(Vec::as_slice).unwrap_or_default();

    let mut known: HashMap<&str, &Storage<'_>> = HashMap::new();
    for storage in &content.heap.storages {
        known.entry(storage.view.map_or(storage.key, |(root, _)| root)).or_insert(storage);
    }
    let mut places: HashMap<&str, Range<usize>> = HashMap::new();
    let mut at = keys.end;
    for key in keys_list {
        let Value::Text(key) = key else { return Err(wrong("a storage without a name")) };
        let storage = known.get(key).ok_or_else(|| wrong("a storage that no tensor names"))?;
        let length = file.get(at..).and_then(|rest| rest.first_chunk()).map(|length| u64::from_le_bytes(*length));
        let elements = length.ok_or_else(|| wrong("too few bytes for its storages"))?;
        let whole = Storage { elements, ..**storage };
        let start = at + 8;
        let end =
            whole.byte_len().and_then(|bytes| usize::try_from(bytes).ok()).and_then(|bytes| start.checked_add(bytes));
        let end = end.filter(|end| *end <= file.len()).ok_or_else(|| wrong("too few bytes for its storages"))?;
        if places.insert(key, start..end).is_some() {
            return Err(wrong("a storage twice"));
        }
        at = end;
    }
    if at != file.len() {
        return Err(wrong("bytes behind its storages"));
    }
    let place = |storage: &Storage<'_>| {
        let (root, offset) = storage.view.unwrap_or((storage.key, 0));
        let range = places.get(root).cloned().ok_or_else(|| wrong("a storage without its numbers"))?;
        if storage.view.is_none() {
            return sized(storage, range);
        }
        let width = storage.byte_len().map(|bytes| bytes / storage.elements.max(1)).unwrap_or_default();
        let start = offset.checked_mul(width).and_then(|bytes| u64::checked_add(bytes, range.start as u64));
        let end = start.and_then(|start| start.checked_add(storage.byte_len()?));
        match (start, end) {
            (Some(start), Some(end)) if end <= range.end as u64 => Ok(start as usize..end as usize),
            _ => Err(wrong("a part of a storage past its end")),
        }
    };
    let storages = content.heap.storages.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let tensors = state::tensors(&content, &storages)?;
    bounded(&tensors, file)?;
    Ok(tensors)
}
