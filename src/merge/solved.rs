//! Tensors that are computed from more than the tensors of the models.

use std::collections::BTreeSet;

use super::buffers::InputBuffer;
use super::context::Context;
use super::options::LayerSolver;
use super::read::load;
use super::stages::StageSteps;
use super::{Error, Options, Sink};
use crate::kernel::{DType, Real, all_finite, narrow};
use crate::method::{Formula, MergeMethod};
use crate::plan::{Input, Plan, PlannedTensor, TensorOp};

/// The tensors that are computed by the solver, none without one. It is an error if the plan needs one and has none.
pub(super) fn solved<'a>(plan: &Plan, options: &Options<'a>) -> Result<Option<&'a BTreeSet<usize>>, Error> {
    let method = |tensor: &PlannedTensor| match &tensor.op {
        TensorOp::Merge { method, inputs, .. } if inputs.len() > 1 => Some(*method),
        _ => None,
    };
    let needs =
        |tensor: &&PlannedTensor| method(tensor).is_some_and(MergeMethod::needs_texts) && tensor.is_layer_matrix();
    match (options.solver, plan.tensors.iter().find(needs).and_then(method)) {
        (None, Some(method)) => Err(Error::NoSolver { method: method.name }),
        (solver, _) => Ok(solver.map(LayerSolver::tensors)),
    }
}

/// Writes the tensors that are computed by the solver.
pub(super) fn write_solved(plan: &Plan, sink: &dyn Sink, options: &Options<'_>) -> Result<(), Error> {
    let Some(solver) = options.solver else { return Ok(()) };
    solver.solve(options, &mut |index, values| {
        options.cancel.check(Error::Cancelled)?;
        let Some(tensor) = plan.tensors.get(index) else { return Ok(()) };
        let TensorOp::Merge { compute_dtype, out_dtype, .. } = &tensor.op else { return Ok(()) };
        let mut bytes = vec![0; values.len() * out_dtype.size()];
        let is_finite = if *compute_dtype == DType::F64 {
            narrow(options.level, values, *out_dtype, &mut bytes)
        } else {
            let values: Vec<f32> = values.iter().map(|value| f32::of(*value)).collect();
            narrow(options.level, &values, *out_dtype, &mut bytes)
        };
        if !(is_finite && all_finite(options.level, values)) {
            return Err(Error::Overflow { tensor: tensor.label(), dtype: out_dtype.name().to_owned() });
        }
        sink.write(index, 0, &bytes).map_err(Error::Sink)?;
        (options.progress)(input_bytes(plan, tensor));
        Ok(())
    })
}

/// Counts the bytes that one pass over the inputs of a tensor reads.
pub(super) fn input_bytes(plan: &Plan, tensor: &PlannedTensor) -> u64 {
    tensor.op.inputs().iter().map(|input| plan.source(*input).bytes_read()).sum()
}

/// Reads a whole tensor of one of the plan's models.
///
/// # Errors
/// A file that can no longer be read; a tensor of another document's merge.
pub fn read_input<T: Real>(plan: &Plan, input: Input, options: &Options<'_>) -> Result<Vec<T>, Error> {
    let stages = StageSteps::default();
    let context = Context { plan, document: "", stages: &stages, options };
    let elements = plan.elements(input);
    let mut buffer = InputBuffer::default();
    load(context, plan.source(input), 0..elements, &mut buffer).map(<[T]>::to_vec)
}

/// Estimates the memory of a layer that is solved as a whole, in float64: the Gram matrix of its inputs for one model, the sum over all
/// models and its factor, and the models' matrices and sums of them.
pub(super) fn solver_memory(tensor: &PlannedTensor) -> u64 {
    let TensorOp::Merge { method, .. } = &tensor.op else { return 0 };
    if !matches!(method.formula, Formula::Regression(_)) || !tensor.is_layer_matrix() {
        return 0;
    }
    let inputs = tensor.shape.last().copied().unwrap_or(0) as u64;
    8u64.saturating_mul(
        inputs.saturating_mul(inputs).saturating_mul(4).saturating_add(tensor.elements.saturating_mul(6)),
    )
}
