//! Reads the same elements of several inputs.

use std::ops::Range;

use super::source::load;
use crate::kernel::Real;
use crate::merge::Error;
use crate::merge::buffers::InputBuffer;
use crate::merge::context::Context;
use crate::plan::Input;

/// Reads the elements `range` of several inputs of a plan.
pub(in crate::merge) fn load_inputs<'a, T: Real>(
    context: Context<'a>,
    inputs: &[Input],
    range: &Range<usize>,
    buffers: &'a mut [InputBuffer],
) -> Result<Vec<&'a [T]>, Error> {
    inputs
        .iter()
        .zip(buffers)
        .map(|(input, buffer)| load(context, context.plan.source(*input), range.clone(), buffer))
        .collect()
}

/// Splits the base off the other inputs where they are summed as task vectors: as differences from the base.
pub(in crate::merge) fn split_base<'a, 'b, T>(
    values: &'b [&'a [T]],
    task_vectors: bool,
) -> (Option<&'a [T]>, &'b [&'a [T]]) {
    match values.split_first() {
        Some((base, models)) if task_vectors => (Some(base), models),
        _ => (None, values),
    }
}
