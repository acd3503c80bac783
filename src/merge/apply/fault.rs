//! Explains results that are not finite.

use super::step::Step;
use crate::kernel::{DType, Real, all_finite};
use crate::merge::Error;
use crate::merge::buffers::InputBuffer;
use crate::merge::context::Context;
use crate::merge::read::load;
use crate::merge::span::Span;

/// Finds the cause of a result that is not finite. It is an error unless the user accepts it.
pub(super) fn explain_not_finite<T: Real>(
    context: Context<'_>,
    step: &Step,
    tile: &Span,
    out_dtype: DType,
) -> Result<Option<Error>, Error> {
    let mut buffer = InputBuffer::default();
    let mut culprit = None;
    for input in step.inputs() {
        let source = context.plan.source(*input);
        let values: &[T] = load(context, source, tile.range.clone(), &mut buffer)?;
        if !all_finite(context.options.level, values) {
            culprit = Some(*input);
            break;
        }
    }
    let error = match culprit {
        Some(input) => {
            Error::NonFinite { tensor: context.tensor(tile.tensor).label(), model: context.plan.label(input.model) }
        }
        None => Error::Overflow { tensor: context.title(tile.tensor), dtype: out_dtype.name().to_owned() },
    };
    if context.plan.allow.non_finite { Ok(Some(error)) } else { Err(error) }
}
