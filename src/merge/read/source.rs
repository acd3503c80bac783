//! Reads elements of a source, of whichever kind it is.

use std::ops::Range;

use super::adapter::add_product;
use super::gather_rows::gather_rows;
use super::stored::{as_numbers, load_stored, read_into};
use crate::kernel::Real;
use crate::merge::Error;
use crate::merge::buffers::{InputBuffer, numbers};
use crate::merge::context::Context;
use crate::plan::{Gathered, Plan, Source};

/// Reads the elements `range` of a source of floating-point numbers, as `T`.
pub(in crate::merge) fn load<'a, T: Real>(
    context: Context<'_>,
    source: Source<'a>,
    range: Range<usize>,
    buffer: &'a mut InputBuffer,
) -> Result<&'a [T], Error> {
    let options = context.options;
    match source {
        Source::Stored { weights, tensor } => load_stored(weights, tensor, range, buffer, options),
        Source::Gathered { plan, table } => load_gathered(context, plan, table, range, buffer),
        Source::Adapted { weights, tensor, product } => {
            let unadapted = buffer.unadapted.get_or_insert_default();
            let values: &[T] = load_stored(weights, tensor, range.clone(), unadapted, options)?;
            let out = numbers(&mut buffer.widened, range.len());
            add_product(options.level, product, &range, values, out);
            Ok(out)
        }
        Source::StageTensor { stage, tensor } => {
            let InputBuffer { widened, stage: scratch, .. } = buffer;
            let scratch = scratch.get_or_insert_default();
            let (bytes, float) = context.stages.read(stage, tensor, range, scratch, options)?;
            Ok(as_numbers(bytes, float, widened, options.level))
        }
    }
}

/// Reads elements of a table whose rows are put into another order.
fn load_gathered<'a, T: Real>(
    context: Context<'_>,
    plan: &Plan,
    table: &Gathered,
    range: Range<usize>,
    buffer: &'a mut InputBuffer,
) -> Result<&'a [T], Error> {
    let InputBuffer { stored, widened, .. } = buffer;
    let values = numbers(widened, range.len());
    gather_rows(table, range, values, &mut |from, elements, out| match table
        .tables
        .get(from)
        .map(|input| plan.source(*input))
    {
        Some(Source::Stored { weights, tensor }) => read_into(weights, tensor, elements, stored, out, context.options),
        Some(other) => {
            let mut buffer = InputBuffer::default();
            out.copy_from_slice(load(context, other, elements, &mut buffer)?);
            Ok(())
        }
        None => Ok(()),
    })?;
    Ok(values)
}
