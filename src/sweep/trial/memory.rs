//! A merged model in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use super::fingerprints;
use crate::checkpoint::{SharedData, canonical_name};
use crate::encoder::{TensorData, TensorSource};
use crate::kernel::DType;
use crate::merge::{self, Options, Sink, SinkError, Statistics};
use crate::method::Arguments;
use crate::plan::{ByRow, Input, Plan, PlannedTensor, TensorOp};

/// The tensors of a merged model, reused from one merge to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    tensors: BTreeMap<(String, String), Merged>,
    statistics: Statistics,
}

/// A merged tensor, and the identity of its inputs.
#[derive(Debug)]
struct Merged {
    dtype: Option<DType>,
    shape: Vec<usize>,
    bytes: Arc<Vec<u8>>,
    fingerprint: u128,
    identity: TensorIdentity,
}

/// The identity of a merged tensor: equal identities mean equal tensors.
#[derive(Debug, PartialEq)]
struct TensorIdentity {
    inputs: Vec<Input>,
    /// Fingerprints of inputs from other documents' merges.
    under: Vec<u64>,
    arguments: Option<Arguments>,
    /// Those of its rows, where they differ.
    rows: Option<ByRow>,
    method: &'static str,
    compute_dtype: Option<DType>,
}

impl TensorIdentity {
    fn of(plan: &Plan, op: &TensorOp) -> Self {
        let under = op.inputs().iter().map(|input| plan.fingerprint(*input)).collect();
        match op {
            TensorOp::Copy { sources } => {
                Self { inputs: sources.clone(), under, arguments: None, rows: None, method: "", compute_dtype: None }
            }
            TensorOp::Merge { method, inputs, arguments, by_row, compute_dtype, .. } => Self {
                inputs: inputs.clone(),
                under,
                arguments: Some(arguments.clone()),
                rows: by_row.clone(),
                method: method.name,
                compute_dtype: Some(*compute_dtype),
            },
        }
    }
}

/// The key of a tensor.
fn key(tensor: &PlannedTensor) -> (String, String) {
    (tensor.module.clone(), tensor.canonical.clone())
}

impl Memory {
    /// Merges the tensors that the plan changes and keeps the rest. Plans must have the same checkpoints in the same order.
    pub(super) fn merge(&mut self, plan: &mut Plan, options: Options<'_>) -> Result<(), merge::Error> {
        let names: Vec<(String, String)> = plan.tensors.iter().map(key).collect();
        self.tensors.retain(|name, _| names.contains(name));
        let is_known = |tensor: &PlannedTensor| {
            let known = self.tensors.get(&key(tensor));
            known.is_some_and(|known| {
                known.identity == TensorIdentity::of(plan, &tensor.op) && known.shape == tensor.shape
            })
        };
        let known: Vec<bool> = plan.tensors.iter().map(is_known).collect();
        let mut known = known.into_iter();
        plan.tensors.retain(|_| !known.next().unwrap_or_default());
        // The old values are freed first, so that two copies are never in memory.
        for tensor in &plan.tensors {
            self.tensors.remove(&key(tensor));
        }
        let sink = Buffers(plan.tensors.iter().map(|tensor| Mutex::new(vec![0; tensor.byte_len() as usize])).collect());
        merge::run_again(plan, &sink, options, &mut self.statistics)?;
        let finished = |(tensor, bytes): (&PlannedTensor, Mutex<Vec<u8>>)| {
            let bytes = Arc::new(bytes.into_inner().unwrap_or_default());
            let dtype = match &tensor.op {
                TensorOp::Merge { out_dtype, .. } => Some(*out_dtype),
                TensorOp::Copy { sources } => sources.first().and_then(|input| plan.source(*input).float()),
            };
            let fingerprint = dtype.map_or(0, |dtype| fingerprints::tensor(&tensor.shape, dtype, &bytes));
            let merged = Merged {
                dtype,
                shape: tensor.shape.clone(),
                bytes,
                fingerprint,
                identity: TensorIdentity::of(plan, &tensor.op),
            };
            (key(tensor), merged)
        };
        let new: Vec<_> = plan.tensors.par_iter().zip(sink.0).map(finished).collect();
        self.tensors.extend(new);
        Ok(())
    }

    /// The size of the tensors in bytes, and the number of parameters outside of embeddings.
    pub(super) fn size(&self) -> (u64, u64) {
        let bytes = self.tensors.values().map(|merged| merged.bytes.len() as u64).sum();
        let counts = |(_, name): &(String, String), merged: &Merged| merged.shape.len() > 1 && !name.contains("embed");
        let multiplied = self.tensors.iter().filter(|(key, merged)| counts(key, merged));
        let elements = |merged: &Merged| merged.shape.iter().map(|size| *size as u64).product::<u64>();
        (bytes, multiplied.map(|(_, merged)| elements(merged)).sum())
    }

    /// The fingerprint of the tensors' values.
    pub(super) fn fingerprint(&self) -> u128 {
        let fingerprints = self.tensors.iter().filter(|(_, merged)| merged.dtype.is_some());
        fingerprints::model(
            fingerprints.map(|((module, name), merged)| (module.as_str(), name.as_str(), merged.fingerprint)),
        )
    }

    fn find(&self, module: &str, canonical: &str) -> Option<&Merged> {
        let named = self.tensors.get(&(module.to_owned(), canonical.to_owned()));
        named.or_else(|| {
            let of_module = self.tensors.iter().filter(|((of, _), _)| of == module);
            let mut found = of_module.filter(|((_, name), _)| canonical_name(name) == canonical);
            found.next().filter(|_| found.next().is_none()).map(|(_, merged)| merged)
        })
    }
}

impl TensorSource for Memory {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        let merged = self.find(module, canonical)?;
        let bytes = Cow::Borrowed(merged.bytes.as_slice());
        Some(TensorData { dtype: merged.dtype?, shape: merged.shape.clone(), bytes })
    }

    fn shared(&self, module: &str, canonical: &str) -> Option<SharedData> {
        self.find(module, canonical).map(|merged| Arc::clone(&merged.bytes).into())
    }
}

/// A sink that collects the tiles of a merge.
struct Buffers(Vec<Mutex<Vec<u8>>>);

impl Sink for Buffers {
    fn write(&self, tensor: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let mut buffer =
            self.0.get(tensor).ok_or("a tensor that is not planned")?.lock().map_err(|_| "a thread ended")?;
        let start = usize::try_from(offset)?;
        let end = start.checked_add(bytes.len()).ok_or("a tile outside its tensor")?;
        buffer.get_mut(start..end).ok_or("a tile outside its tensor")?.copy_from_slice(bytes);
        Ok(())
    }
}
