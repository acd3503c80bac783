//! Gives memory back once a tile has been used.

use std::ops::Range;

use crate::merge::{Access, Options};
use crate::plan::{Input, Plan, Source};

/// Gives the pages of a tile back, so that what was read does not stay resident, and counts its bytes as done.
pub(in crate::merge) fn finish(source: Source<'_>, range: &Range<usize>, options: &Options<'_>) {
    match source {
        Source::Stored { weights, tensor } | Source::Adapted { weights, tensor, .. } => {
            let bits = tensor.dtype.bitsize();
            let bytes = range.start * bits / 8..range.end * bits / 8;
            (options.progress)(bytes.len() as u64);
            if options.access == Access::Map || tensor.float().is_none() {
                weights.release(tensor, bytes);
            }
        }
        // Gathered rows are read past the map.
        Source::Gathered { .. } => (options.progress)((range.len() * source.dtype().bitsize() / 8) as u64),
        Source::StageTensor { stage, tensor } => {
            finish_inputs(&stage.plan, stage.plan.tensors[tensor].op.inputs(), range, options);
        }
    }
}

/// [`finish`] for the same elements of several inputs of a plan.
pub(in crate::merge) fn finish_inputs(plan: &Plan, inputs: &[Input], range: &Range<usize>, options: &Options<'_>) {
    for input in inputs {
        finish(plan.source(*input), range, options);
    }
}
