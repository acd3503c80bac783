//! Reads the bytes of tensors that are copied instead of merged.

use std::ops::Range;

use crate::merge::Error;
use crate::plan::{Plan, PlannedTensor, Source};

/// Reads bytes `range` of a tensor that is copied, which must be equal in all its sources.
pub(in crate::merge) fn copied_bytes<'a>(
    plan: &'a Plan,
    tensor: &PlannedTensor,
    range: Range<usize>,
) -> Result<&'a [u8], Error> {
    let Some((first, others)) = tensor.op.inputs().split_first() else { return Ok(&[]) };
    let bytes = source_bytes(plan.source(*first), range.clone())?;
    for other in others {
        if source_bytes(plan.source(*other), range.clone())? != bytes {
            return Err(Error::CopiesDiffer {
                tensor: tensor.label(),
                dtype: format!("{:?}", tensor.dtype),
                left: plan.label(first.model),
                right: plan.label(other.model),
            });
        }
    }
    Ok(bytes)
}

/// Bytes `range` of a source that can only be copied.
fn source_bytes(source: Source<'_>, range: Range<usize>) -> Result<&[u8], Error> {
    Ok(match source {
        Source::Stored { weights, tensor } | Source::Adapted { weights, tensor, .. } => &weights.bytes(tensor)[range],
        // Only floating-point tables have their rows gathered.
        Source::Gathered { .. } => &[],
        Source::StageTensor { stage, tensor } => copied_bytes(&stage.plan, &stage.plan.tensors[tensor], range)?,
    })
}
