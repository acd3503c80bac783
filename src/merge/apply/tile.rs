//! Writes tiles of the result to the sink.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::round::round_tile;
use super::step::Step;
use crate::kernel::{DType, Real};
use crate::merge::buffers::Scratch;
use crate::merge::context::Context;
use crate::merge::read::{copied_bytes, finish_inputs};
use crate::merge::span::Span;
use crate::merge::{Error, Sink};
use crate::plan::{PlannedTensor, TensorOp};

/// Writes tiles of the result to the sink.
#[derive(Clone, Copy)]
pub(in crate::merge) struct TileWriter<'a> {
    pub(in crate::merge) context: Context<'a>,
    pub(in crate::merge) sink: &'a dyn Sink,
    /// The faults of tensors that the user accepts, by tensor.
    pub(in crate::merge) accepted: &'a Mutex<BTreeMap<usize, Error>>,
}

impl TileWriter<'_> {
    /// Computes and writes one tile of one tensor.
    pub(in crate::merge) fn write(&self, step: &Step, tile: &Span, scratch: &mut Scratch) -> Result<(), Error> {
        let tensor = self.context.tensor(tile.tensor);
        match &tensor.op {
            TensorOp::Copy { .. } => self.copy(tensor, tile),
            TensorOp::Merge { compute_dtype: DType::F64, out_dtype, .. } => {
                self.merge::<f64>(step, tile, *out_dtype, scratch)
            }
            TensorOp::Merge { out_dtype, .. } => self.merge::<f32>(step, tile, *out_dtype, scratch),
        }?;
        finish_inputs(self.context.plan, tensor.op.inputs(), &tile.range, self.context.options);
        Ok(())
    }

    fn copy(&self, tensor: &PlannedTensor, tile: &Span) -> Result<(), Error> {
        let bits = tensor.dtype.bitsize();
        let range = tile.range.start * bits / 8..(tile.range.end * bits).div_ceil(8);
        let bytes = copied_bytes(self.context.plan, tensor, range.clone())?;
        self.sink.write(tile.tensor, range.start as u64, bytes).map_err(Error::Sink)
    }

    fn merge<T: Real>(&self, step: &Step, tile: &Span, out_dtype: DType, scratch: &mut Scratch) -> Result<(), Error> {
        let offset = (tile.range.start * out_dtype.size()) as u64;
        let (bytes, fault) = round_tile::<T>(self.context, step, tile, out_dtype, scratch)?;
        if let (Some(fault), Ok(mut accepted)) = (fault, self.accepted.lock()) {
            accepted.insert(tile.tensor, fault);
        }
        self.sink.write(tile.tensor, offset, bytes).map_err(Error::Sink)
    }
}
