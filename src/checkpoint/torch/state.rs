//! Extracts the tensors of a state dict from the values of a pickle.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use safetensors::Dtype;

use super::error::StateError as Error;
use super::pickle::Pickle;
use super::value::{Heap, Value, View};
use crate::escape::escaped;

/// Keys under which training programs store the state dict.
const WRAPPERS: [&str; 2] = ["state_dict", "model_state_dict"];
/// The prefix that `DataParallel` adds to every name.
const PARALLEL: &str = "module.";

/// A tensor of a state dict and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    /// The strides in elements.
    pub(crate) strides: Vec<u64>,
    /// The storage's bytes in the file.
    pub(crate) storage: Range<usize>,
    /// The position of the first element in the storage, in elements.
    pub(crate) offset: u64,
}

impl Tensor {
    /// The size of an element in bytes.
    pub(crate) fn width(&self) -> usize {
        self.dtype.bitsize() / 8
    }

    /// The number of elements. The product was checked when the tensor was found.
    pub(crate) fn elements(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }

    pub(crate) fn byte_len(&self) -> u64 {
        self.elements() * self.width() as u64
    }

    /// Whether its elements are contiguous.
    pub(crate) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected *= size as u64;
            fits
        }) || self.elements() == 0
    }

    /// The key by which two names are the same tensor.
    pub(crate) fn view(&self) -> (usize, u64, &[usize], &[u64], Dtype) {
        (self.storage.start, self.offset, &self.shape, &self.strides, self.dtype)
    }
}

/// The tensors of a state dict, sorted by name. `storages` has the byte range of each storage of the heap.
pub(crate) fn tensors(pickle: &Pickle<'_>, storages: &[Range<usize>]) -> Result<Vec<Tensor>, Error> {
    let heap = &pickle.heap;
    let mut entries = heap.dict(pickle.root).ok_or(Error::NotADict { found: pickle.root.kind() })?;
    let is_tensor = |(_, value): &(Value<'_>, Value<'_>)| matches!(value, Value::Tensor(_));
    if !entries.iter().any(is_tensor) {
        let wrapped = |wrapper: &&str| {
            let entry = entries.iter().find(|(key, _)| *key == Value::Text(wrapper))?;
            heap.dict(entry.1)
        };
        entries = WRAPPERS.iter().find_map(wrapped).unwrap_or(entries);
    }
    // As in a dict, the later of two entries with one key counts.
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, value) in entries {
        let Value::Text(name) = key else { return Err(Error::Key { found: key.kind() }) };
        let Value::Tensor(view) = value else {
            return Err(Error::NotATensor { name: escaped(name), found: value.kind() });
        };
        named.insert(name, *view);
    }
    if named.is_empty() {
        return Err(Error::NoTensors);
    }
    let parallel = named.keys().all(|name| name.len() > PARALLEL.len() && name.starts_with(PARALLEL));
    let mut seen = HashSet::new();
    let mut found = Vec::with_capacity(named.len());
    for (name, view) in named {
        let name = name.strip_prefix(PARALLEL).filter(|_| parallel).unwrap_or(name);
        if name == "__metadata__" || !seen.insert(name) {
            return Err(Error::Name { name: escaped(name) });
        }
        let view = heap.views.get(view).ok_or(Error::NoTensors)?;
        found.push(tensor(name, view, heap, storages)?);
    }
    Ok(found)
}

/// Checks that every element of a tensor is inside its storage.
fn tensor(name: &str, view: &View, heap: &Heap<'_>, storages: &[Range<usize>]) -> Result<Tensor, Error> {
    let named = || escaped(name);
    let Some(range) = storages.get(view.storage) else {
        let key = heap.storages.get(view.storage).map_or_else(String::new, |storage| escaped(storage.key));
        return Err(Error::NoStorage { name: named(), key });
    };
    let width = view.dtype.bitsize() as u64 / 8;
    let available = range.len() as u64 / width.max(1);
    let elements = view.shape.iter().try_fold(1_u64, |product, &size| product.checked_mul(size as u64));
    let bytes =
        elements.and_then(|elements| elements.checked_mul(width)).filter(|bytes| isize::try_from(*bytes).is_ok());
    if bytes.is_none() {
        return Err(Error::Size { name: named(), shape: view.shape.clone() });
    }
    let mut last = Some(view.offset);
    for (&size, &stride) in view.shape.iter().zip(&view.strides) {
        last = last.and_then(|last| last.checked_add(stride.checked_mul((size as u64).saturating_sub(1))?));
    }
    let inside = elements == Some(0) || last.is_some_and(|last| last < available);
    if !inside || width * 8 != view.dtype.bitsize() as u64 {
        return Err(Error::OutOfStorage { name: named(), shape: view.shape.clone(), available });
    }
    Ok(Tensor {
        name: name.to_owned(),
        dtype: view.dtype,
        shape: view.shape.clone(),
        strides: view.strides.clone(),
        storage: range.clone(),
        offset: view.offset,
    })
}
