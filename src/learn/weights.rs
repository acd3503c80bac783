//! Merges in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::coefficients::{Coefficients, Slot};
use super::error::Error;
use crate::checkpoint::{SharedData, canonical_name};
use crate::encoder::{TensorData, TensorSource};
use crate::granularity::Rows;
use crate::kernel::{DType, SimdLevel};
use crate::merge::{self, Access, Sink, SinkError, Statistics, TILE};
use crate::plan::{Plan, PlannedTensor, TensorOp};
use crate::progress::Cancel;

/// A merged model in memory.
#[derive(Debug, Default)]
pub(crate) struct Merged(BTreeMap<(String, String), Held>);

/// A merged tensor.
#[derive(Debug)]
struct Held {
    dtype: Option<DType>,
    shape: Vec<usize>,
    bytes: Arc<Vec<u8>>,
}

/// The table of token embeddings, of which only the rows of some tokens are kept.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) key: (String, String),
    pub(crate) rows: Vec<u32>,
}

/// A plan that is merged again and again with other coefficients.
pub(super) struct Weights<'a> {
    pub(super) plan: Plan,
    pub(super) coefficients: &'a Coefficients,
    pub(super) slots: Vec<Slot>,
    pub(super) table: Option<Table>,
    pub(super) statistics: Statistics,
    pub(super) level: SimdLevel,
    pub(super) cancel: &'a Cancel,
}

/// The key of a tensor.
fn key(tensor: &PlannedTensor) -> (String, String) {
    (tensor.module.clone(), tensor.canonical.clone())
}

/// How a merge in memory runs.
fn options(level: SimdLevel, cancel: &Cancel) -> merge::Options<'_> {
    merge::Options { threads: 0, tile: TILE, level, access: Access::Read, cancel, progress: &|_| {}, solver: None }
}

impl Merged {
    /// Merges a plan. Of the table only its rows are kept.
    pub(super) fn new(
        plan: &Plan,
        table: Option<&Table>,
        statistics: &mut Statistics,
        (level, cancel): (SimdLevel, &Cancel),
    ) -> Result<Self, Error> {
        Ok(Self::with(plan, table, statistics, options(level, cancel))?)
    }

    /// Merges a plan but for the tensors that a solver is to compute.
    pub(crate) fn with(
        plan: &Plan,
        table: Option<&Table>,
        statistics: &mut Statistics,
        options: merge::Options<'_>,
    ) -> Result<Self, merge::Error> {
        let is_left = |index: &usize| options.solver.is_some_and(|solver| solver.tensors().contains(index));
        let kept =
            |tensor: &PlannedTensor| table.filter(|table| table.key == key(tensor)).map(|table| table.rows.as_slice());
        let buffer = |(index, tensor): (usize, &PlannedTensor)| {
            let rows = Rows { width: width(tensor), kept: kept(tensor), classes: None };
            let element = (tensor.dtype.bitsize() / 8).max(1);
            let size = match kept(tensor) {
                _ if is_left(&index) => 0,
                Some(kept) => kept.len() * width(tensor) * element,
                None => tensor.byte_len() as usize,
            };
            Buffer { rows, element, bytes: Mutex::new(vec![0; size]) }
        };
        let sink = Buffers(plan.tensors.iter().enumerate().map(buffer).collect());
        merge::run_again(plan, &sink, options, statistics)?;
        let held = plan.tensors.iter().zip(sink.0).map(|(tensor, buffer)| {
            let mut shape = tensor.shape.clone();
            if let (Some(kept), Some(rows)) = (kept(tensor), shape.first_mut()) {
                *rows = kept.len();
            }
            let dtype = match &tensor.op {
                TensorOp::Merge { out_dtype, .. } => Some(*out_dtype),
                TensorOp::Copy { sources } => sources.first().and_then(|input| plan.source(*input).float()),
            };
            let bytes = Arc::new(buffer.bytes.into_inner().unwrap_or_else(PoisonError::into_inner));
            (key(tensor), Held { dtype, shape, bytes })
        });
        let held = held.enumerate().filter(|(index, _)| !is_left(index)).map(|(_, held)| held);
        Ok(Self(held.collect()))
    }

    fn find(&self, module: &str, canonical: &str) -> Option<&Held> {
        let named = self.0.get(&(module.to_owned(), canonical.to_owned()));
        named.or_else(|| {
            let mut found = self.0.iter().filter(|((of, name), _)| of == module && canonical_name(name) == canonical);
            found.next().filter(|_| found.next().is_none()).map(|(_, held)| held)
        })
    }
}

impl TensorSource for Merged {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        let held = self.find(module, canonical)?;
        let bytes = Cow::Borrowed(held.bytes.as_slice());
        Some(TensorData { dtype: held.dtype?, shape: held.shape.clone(), bytes })
    }

    fn shared(&self, module: &str, canonical: &str) -> Option<SharedData> {
        self.find(module, canonical).map(|held| Arc::clone(&held.bytes).into())
    }
}

/// Elements of a row.
fn width(tensor: &PlannedTensor) -> usize {
    tensor.shape.iter().skip(1).product::<usize>().max(1)
}

impl Weights<'_> {
    /// Merges with these coefficients.
    pub(super) fn merge(&mut self, values: &[f64]) -> Result<Merged, Error> {
        self.set(values);
        Merged::new(&self.plan, self.table.as_ref(), &mut self.statistics, (self.level, self.cancel))
    }

    fn set(&mut self, values: &[f64]) {
        for slot in &self.slots {
            if let Some(value) = values.get(slot.coefficient) {
                slot.set(&mut self.plan, *value);
            }
        }
    }
}

/// A sink that keeps the tensors.
struct Buffers<'a>(Vec<Buffer<'a>>);

struct Buffer<'a> {
    rows: Rows<'a>,
    /// Bytes of an element.
    element: usize,
    bytes: Mutex<Vec<u8>>,
}

impl Sink for Buffers<'_> {
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let Buffer { rows, element, bytes: buffer } = self.0.get(tensor).ok_or("a tensor that is not planned")?;
        let mut buffer = buffer.lock().map_err(|_| "a thread ended")?;
        for segment in rows.segments(usize::try_from(offset)? / element, bytes.len() / element) {
            let from = bytes.get(segment.from * element..(segment.from + segment.len) * element);
            let to = buffer.get_mut(segment.to * element..(segment.to + segment.len) * element);
            to.zip(from).map(|(to, from)| to.copy_from_slice(from)).ok_or("a tile outside its tensor")?;
        }
        Ok(())
    }
}
