//! Which tensors a group has, and how much a variable changes them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::segments::Rows;
use crate::merge::{self, Error, Options, Sink, SinkError};
use crate::method::{Arguments, Value};
use crate::plan::{Plan, PlannedTensor, TensorOp};

/// Bytes of merged tensors that are held at once.
const HELD: u64 = 256 << 20;

/// The group of a tensor, or of a class of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tensor: usize,
    pub(super) class: usize,
    pub(super) group: usize,
}

/// The group of each tensor whose parameters differ between two plans, in one of which every group has its marker.
pub(super) fn members(marked: &Plan, plain: &Plan, markers: &[f64]) -> Vec<Place> {
    let mut found = Vec::new();
    for (tensor, (one, other)) in marked.tensors.iter().zip(&plain.tensors).enumerate() {
        let (TensorOp::Merge { arguments, by_row, .. }, TensorOp::Merge { arguments: of_plain, .. }) =
            (&one.op, &other.op)
        else {
            continue;
        };
        let mut add = |class: usize, arguments: &Arguments| {
            let marker = different(arguments, of_plain).find_map(|value| marker(value, markers));
            found.extend(marker.map(|group| Place { tensor, class, group }));
        };
        match by_row {
            None => add(0, arguments),
            Some(rows) => rows.classes.iter().enumerate().for_each(|(class, rows)| add(class, &rows.arguments)),
        }
    }
    found
}

/// The numbers of arguments that others do not have.
fn different<'a>(one: &'a Arguments, other: &'a Arguments) -> impl Iterator<Item = f64> + 'a {
    let of_models = one.models.iter().zip(&other.models);
    std::iter::once((&one.shared, &other.shared)).chain(of_models).flat_map(|(one, other)| {
        one.iter().filter_map(|(name, value)| match value {
            Value::Number(number) if other.get(name) != Some(value) => Some(*number),
            _ => None,
        })
    })
}

fn marker(value: f64, markers: &[f64]) -> Option<usize> {
    markers.iter().position(|marker| (marker - value).abs() <= 1e-9 * marker.abs().max(1e-3))
}

/// For each tensor, and each class of its rows in `classes`, the squared distance between two merges and the squared norm of the
/// first. They are merged a part at a time, so that no model is held whole.
pub(super) fn changes(
    low: &mut Plan,
    high: &mut Plan,
    classes: &Plan,
    options: Options<'_>,
) -> Result<BTreeMap<(usize, usize), [f64; 2]>, Error> {
    let [all, other] = [&mut *low, &mut *high].map(|plan| std::mem::take(&mut plan.tensors));
    let mut sums = BTreeMap::new();
    let mut begin = 0;
    while begin < all.len().min(other.len()) {
        let mut end = begin;
        let mut bytes = 0;
        while end < all.len().min(other.len()) && (end == begin || bytes < HELD) {
            bytes += all.get(end).map_or(0, PlannedTensor::byte_len);
            end += 1;
        }
        low.tensors = all.get(begin..end).unwrap_or_default().to_vec();
        high.tensors = other.get(begin..end).unwrap_or_default().to_vec();
        let held = Held(low.tensors.iter().map(|tensor| Mutex::new(vec![0; tensor.byte_len() as usize])).collect());
        merge::run(low, &held, options)?;
        let held: Vec<Vec<u8>> =
            held.0.into_iter().map(|bytes| bytes.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        let rows = classes.tensors.get(begin..end).unwrap_or_default().iter().map(rows).collect();
        let sink = Distances { rows, held, found: Mutex::default() };
        merge::run(high, &sink, options)?;
        // Sums are taken in the order of the tensors' elements, whichever thread was first.
        for ((tensor, _, class), squares) in sink.found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            let sum: &mut [f64; 2] = sums.entry((begin + tensor, class)).or_default();
            *sum = [sum[0] + squares[0], sum[1] + squares[1]];
        }
        begin = end;
    }
    Ok(sums)
}

/// The rows of a tensor and their classes; `None` where it is copied.
fn rows(tensor: &PlannedTensor) -> Option<Rows<'_>> {
    let TensorOp::Merge { by_row, .. } = &tensor.op else { return None };
    let width = tensor.shape.iter().skip(1).product::<usize>().max(1);
    Some(Rows { width, kept: None, classes: by_row.as_ref() })
}

/// A sink that keeps the tensors.
struct Held(Vec<Mutex<Vec<u8>>>);

impl Sink for Held {
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let mut held =
            self.0.get(tensor).ok_or("a tensor that is not planned")?.lock().map_err(|_| "a thread ended")?;
        let start = usize::try_from(offset)?;
        let end = start.checked_add(bytes.len()).ok_or("a tile outside its tensor")?;
        held.get_mut(start..end).ok_or("a tile outside its tensor")?.copy_from_slice(bytes);
        Ok(())
    }
}

/// A sink that compares tensors of float32 with others.
struct Distances<'a> {
    /// `None` for tensors that are copied.
    rows: Vec<Option<Rows<'a>>>,
    held: Vec<Vec<u8>>,
    /// By tensor, the place of the tile, and the class of rows.
    found: Mutex<BTreeMap<(usize, u64, usize), [f64; 2]>>,
}

impl Sink for Distances<'_> {
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let Some(rows) = self.rows.get(tensor).ok_or("a tensor that is not planned")? else { return Ok(()) };
        let start = usize::try_from(offset)?;
        let held = self.held.get(tensor).and_then(|held| held.get(start..start + bytes.len()));
        let held = held.ok_or("a tile outside its tensor")?;
        let mut sums: BTreeMap<usize, [f64; 2]> = BTreeMap::new();
        let values = |bytes: &[u8], from: usize, len: usize| -> Vec<f64> {
            let values = bytes.chunks_exact(size_of::<f32>()).skip(from).take(len);
            values.map(|value| f64::from(f32::from_le_bytes([value[0], value[1], value[2], value[3]]))).collect()
        };
        for segment in rows.segments(start / size_of::<f32>(), bytes.len() / size_of::<f32>()) {
            let one = values(held, segment.from, segment.len);
            let other = values(bytes, segment.from, segment.len);
            let distance: f64 = one.iter().zip(&other).map(|(one, other)| (one - other) * (one - other)).sum();
            let norm: f64 = one.iter().map(|value| value * value).sum();
            let sum = sums.entry(segment.class).or_default();
            *sum = [sum[0] + distance, sum[1] + norm];
        }
        let mut found = self.found.lock().map_err(|_| "a thread ended")?;
        found.extend(sums.into_iter().map(|(class, sum)| ((tensor, offset, class), sum)));
        Ok(())
    }
}
