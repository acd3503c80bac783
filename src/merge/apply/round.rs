//! Computes a tile and rounds it to the output's format.

use super::compute::compute;
use super::fault::explain_not_finite;
use super::matrix::TaskMatrixReader;
use super::select::{Selection, SelectionBuffers};
use super::step::Step;
use crate::kernel::{DType, Real, all_finite, narrow};
use crate::merge::Error;
use crate::merge::buffers::{Scratch, numbers};
use crate::merge::context::Context;
use crate::merge::read::load_inputs;
use crate::merge::span::Span;

/// Computes one tile of one tensor and rounds it to its format. Returns the bytes, and the fault in them that the user
/// accepts.
pub(in crate::merge) fn round_tile<'s, T: Real>(
    context: Context<'_>,
    step: &Step,
    tile: &Span,
    out_dtype: DType,
    scratch: &'s mut Scratch,
) -> Result<(&'s [u8], Option<Error>), Error> {
    let level = context.options.level;
    let n = tile.range.len();
    let Scratch { inputs: buffers, output, bytes, scores, masks, draws, .. } = scratch.with_inputs(step.inputs().len());
    let out: &mut [T] = numbers(output, n);
    let mut sound = if let Step::Matrix { inputs, update, arguments, .. } = step {
        TaskMatrixReader { context, tile, inputs, buffers }.merge(*update, arguments, out)?
    } else {
        let values: Vec<&[T]> = load_inputs(context, step.inputs(), &tile.range, buffers)?;
        let selection = Selection::of(step, level, tile, &values, SelectionBuffers { scores, masks, draws });
        compute(context.tensor(tile.tensor), step, tile, &values, &selection, level, out)?
    };
    let finished: &[u8] = if out_dtype == T::FLOAT && cfg!(target_endian = "little") {
        sound &= all_finite(level, &*out);
        bytemuck::cast_slice(out)
    } else {
        bytes.resize(n * out_dtype.size(), 0);
        sound &= narrow(level, &*out, out_dtype, bytes);
        bytes
    };
    let fault = if sound { None } else { explain_not_finite::<T>(context, step, tile, out_dtype)? };
    Ok((finished, fault))
}
