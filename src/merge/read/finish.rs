//! Releases memory once a tile has been used.

use std::ops::Range;

use crate::merge::{Access, Options};
use crate::plan::{Input, Plan, Source};

/// Releases the pages of a tile, so that they do not stay resident, and reports its bytes as progress.
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
        // Gathered rows are not read through the map.
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
