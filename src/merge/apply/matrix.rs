//! Computes tensors whose update needs whole task matrices.

use std::sync::Mutex;

use crate::kernel::{Mat, Real, all_finite};
use crate::merge::Error;
use crate::merge::buffers::InputBuffer;
use crate::merge::context::Context;
use crate::merge::read::load;
use crate::merge::span::Span;
use crate::method::{Arguments, MatrixError, MatrixUpdate, TaskMatrices};
use crate::plan::Input;

/// Number of elements from which on only one matrix is decomposed at a time, so that memory does not grow with the threads.
const LARGE: usize = 1 << 20;

static ONE_LARGE: Mutex<()> = Mutex::new(());

/// Reads the inputs of a whole matrix, the base first.
pub(super) struct TaskMatrixReader<'a, 'b> {
    pub(super) context: Context<'a>,
    pub(super) tile: &'b Span,
    pub(super) inputs: &'b [Input],
    pub(super) buffers: &'b mut [InputBuffer],
}

impl TaskMatrixReader<'_, '_> {
    /// Computes the base plus the update. Returns false if an input is not finite, which leaves nothing to decompose.
    pub(super) fn merge<T: Real>(
        self,
        update: MatrixUpdate,
        arguments: &Arguments,
        out: &mut [T],
    ) -> Result<bool, Error> {
        let Self { context, tile, inputs, buffers } = self;
        let _alone = (tile.range.len() >= LARGE).then(|| ONE_LARGE.lock());
        context.options.cancel.check(Error::Cancelled)?;
        let columns = context.tensor(tile.tensor).shape.last().copied().unwrap_or(1).max(1);
        let rows = tile.range.len() / columns;
        let [of_base, of_model, ..] = buffers else { return Ok(true) };
        let source = |input: usize| context.plan.source(inputs[input]);
        let base: &[T] = load(context, source(0), tile.range.clone(), of_base)?;
        let (mut failed, mut finite) = (None, all_finite(context.options.level, base));
        let mut read = |model: usize| {
            let values: Result<&[T], Error> = load(context, source(model + 1), tile.range.clone(), of_model);
            let values = values.map_err(|error| {
                failed = Some(error);
                MatrixError::Unread
            })?;
            finite &= all_finite(context.options.level, values);
            let difference = |row: usize, column: usize| {
                let at = row * columns + column;
                values[at].double() - base[at].double()
            };
            Ok(Mat::from_fn(rows, columns, difference))
        };
        let tasks = &mut TaskMatrices { count: inputs.len() - 1, read: &mut read };
        let updated = match update(arguments, tasks) {
            Ok(update) => update,
            Err(MatrixError::NotConverged) if finite => {
                let reason = "the decomposition of its task vectors does not converge".to_owned();
                return Err(Error::Coefficients { tensor: context.title(tile.tensor), reason });
            }
            Err(_) => {
                out.fill(T::of(f64::NAN));
                return failed.map_or(Ok(false), Err);
            }
        };
        for (row, (out, base)) in out.chunks_exact_mut(columns).zip(base.chunks_exact(columns)).enumerate() {
            for (column, (out, base)) in out.iter_mut().zip(base).enumerate() {
                *out = T::of(base.double() + updated[(row, column)]);
            }
        }
        Ok(finite)
    }
}
