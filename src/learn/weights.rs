//! Merges in memory, and the slopes of merges along coefficients.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::coefficients::{Coefficients, Slot};
use super::error::Error;
use crate::checkpoint::{SharedData, canonical_name};
use crate::encoder::{Gradients, TensorData, TensorSource};
use crate::granularity::Rows;
use crate::kernel::{DType, SimdLevel};
use crate::merge::{self, Access, Sink, SinkError, Statistics, TILE};
use crate::plan::{Plan, PlannedTensor, TensorOp};
use crate::progress::Cancel;

/// How far a coefficient is moved to find what it changes. Merges are straight lines, or nearly, in their coefficients.
const STEP: f64 = 0.02;

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
    /// Whether tensors that the encoder does not read are left out.
    pub(super) is_cut: bool,
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
    /// Leaves out the tensors that the encoder does not read.
    pub(super) fn keep_only(&mut self, read: &BTreeSet<(String, String)>) {
        let is_read = |tensor: &PlannedTensor| {
            let canonical = canonical_name(&tensor.canonical);
            read.contains(&key(tensor)) || read.contains(&(tensor.module.clone(), canonical.clone()))
        };
        self.is_cut = true;
        let places: Vec<Option<usize>> = self
            .plan
            .tensors
            .iter()
            .scan(0, |next, tensor| {
                let place = is_read(tensor).then_some(*next);
                *next += usize::from(place.is_some());
                Some(place)
            })
            .collect();
        let mut kept = places.iter();
        self.plan.tensors.retain(|_| kept.next().is_some_and(Option::is_some));
        let moved = |slot: &Slot| places.get(slot.tensor).copied().flatten().map(|tensor| slot.at(tensor));
        self.slots = self.slots.iter().filter_map(moved).collect();
    }

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

    /// The gradient with respect to the coefficients, from that with respect to the tensors: for each coefficient the sum of the
    /// products with what it changes, which is found by merging a little before and behind it.
    pub(super) fn project(&mut self, values: &[f64], gradients: &Gradients) -> Result<Vec<f64>, Error> {
        let mut projected = vec![0.0; values.len()];
        let groups = self.coefficients.groups.names.len();
        for axis in 0..self.coefficients.axes.len() {
            let mut moved = [values.to_vec(), values.to_vec()];
            for index in (axis * groups..(axis + 1) * groups).take_while(|index| *index < values.len()) {
                for (moved, by) in moved.iter_mut().zip([STEP, -STEP]) {
                    moved[index] = self.coefficients.bounded(index, values[index] + by);
                }
            }
            let ahead = self.products(&moved[0], gradients)?;
            let behind = self.products(&moved[1], gradients)?;
            for slot in self.slots.iter().filter(|slot| slot.coefficient / groups.max(1) == axis) {
                // The rows of a tensor with classes count by class.
                if slot.class.is_none() && self.has_classes(slot.tensor) {
                    continue;
                }
                let place = (slot.tensor, slot.class.unwrap_or_default());
                let difference = ahead.get(&place).unwrap_or(&0.0) - behind.get(&place).unwrap_or(&0.0);
                let distance = moved[0][slot.coefficient] - moved[1][slot.coefficient];
                projected[slot.coefficient] += if distance > 0.0 { difference / distance } else { 0.0 };
            }
        }
        Ok(projected)
    }

    fn has_classes(&self, tensor: usize) -> bool {
        matches!(self.plan.tensors.get(tensor).map(|tensor| &tensor.op), Some(TensorOp::Merge { by_row: Some(_), .. }))
    }

    /// For each tensor and class of its rows, the product of the merge with the gradient.
    fn products(&mut self, values: &[f64], gradients: &Gradients) -> Result<BTreeMap<(usize, usize), f64>, Error> {
        self.set(values);
        let table = self.table.as_ref();
        let of = |tensor: &PlannedTensor| {
            let canonical = canonical_name(&tensor.canonical).clone();
            gradients.get(&key(tensor)).or_else(|| gradients.get(&(tensor.module.clone(), canonical)))
        };
        let terms: Vec<Factor<'_>> = self
            .plan
            .tensors
            .iter()
            .map(|tensor| {
                let kept = table.filter(|table| table.key == key(tensor)).map(|table| table.rows.as_slice());
                let classes = match &tensor.op {
                    TensorOp::Merge { by_row, .. } => by_row.as_ref(),
                    TensorOp::Copy { .. } => None,
                };
                Factor { rows: Rows { width: width(tensor), kept, classes }, gradient: of(tensor).map(Vec::as_slice) }
            })
            .collect();
        let sink = Products { terms, found: Mutex::default() };
        merge::run_again(&self.plan, &sink, options(self.level, self.cancel), &mut self.statistics)?;
        let mut sums = BTreeMap::new();
        // Sums are taken in the order of the tensors' elements, whichever thread was first.
        for ((tensor, _, class), product) in sink.found.into_inner().unwrap_or_else(PoisonError::into_inner) {
            *sums.entry((tensor, class)).or_insert(0.0) += product;
        }
        Ok(sums)
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

/// A sink that multiplies tensors of float32 with gradients.
struct Products<'a> {
    terms: Vec<Factor<'a>>,
    /// By tensor, the place of the tile, and the class of rows.
    found: Mutex<BTreeMap<(usize, u64, usize), f64>>,
}

/// The gradient of a tensor; without one it does not count.
struct Factor<'a> {
    rows: Rows<'a>,
    gradient: Option<&'a [f32]>,
}

impl Sink for Products<'_> {
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let Factor { rows, gradient } = self.terms.get(tensor).ok_or("a tensor that is not planned")?;
        let Some(gradient) = gradient else { return Ok(()) };
        let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
        for segment in rows.segments(usize::try_from(offset)? / size_of::<f32>(), bytes.len() / size_of::<f32>()) {
            let values = bytes.chunks_exact(size_of::<f32>()).skip(segment.from).take(segment.len);
            let gradient = gradient.get(segment.to..segment.to + segment.len).ok_or("a tile outside its tensor")?;
            let product: f64 = values
                .zip(gradient)
                .map(|(value, gradient)| {
                    let value = f32::from_le_bytes([value[0], value[1], value[2], value[3]]);
                    f64::from(value) * f64::from(*gradient)
                })
                .sum();
            *sums.entry(segment.class).or_default() += product;
        }
        let mut found = self.found.lock().map_err(|_| "a thread ended")?;
        found.extend(sums.into_iter().map(|(class, sum)| ((tensor, offset, class), sum)));
        Ok(())
    }
}
