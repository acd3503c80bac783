//! Tensors of other documents' merges, made where they are read.
//!
//! Before a batch of tensors is begun, the statistics of the tensors that it is made from are found, those of the deepest
//! documents first. From then on any run of elements can be computed by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, Range};

use super::apply::{Step, rounded};
use super::scratch::{Buffer, numbers};
use super::span::{Span, Workers};
use super::statistics::{self, Statistics};
use super::{Error, Options};
use crate::kernel::{Float, Real, widen};
use crate::plan::{Plan, Source, Stage, TensorOp};

/// What is done to the tensors of each document, by the document's name.
#[derive(Default)]
pub(super) struct Steps<'a>(BTreeMap<&'a str, BTreeMap<usize, Step>>);

impl Steps<'_> {
    fn get(&self, stage: &Stage, tensor: usize) -> Option<&Step> {
        self.0.get(stage.name.as_str())?.get(&tensor)
    }
}

/// A plan, and what is done to the tensors that it is made from.
#[derive(Clone, Copy)]
pub(super) struct Running<'a> {
    pub(super) plan: &'a Plan,
    pub(super) steps: &'a Steps<'a>,
    /// The document's name; empty for the result.
    pub(super) name: &'a str,
}

impl Deref for Running<'_> {
    type Target = Plan;

    fn deref(&self) -> &Plan {
        self.plan
    }
}

impl Running<'_> {
    /// What messages call a tensor.
    pub(super) fn title(&self, tensor: usize) -> String {
        let label = self.plan.tensors[tensor].label();
        if self.name.is_empty() { label } else { format!("{label}` of the document `{}", self.name) }
    }
}

/// Finds the statistics of all tensors of other documents that tensors of `plan` are made from.
pub(super) fn prepare<'a>(
    steps: &mut Steps<'a>,
    plan: &'a Plan,
    tensors: impl Iterator<Item = usize>,
    workers: &Workers<'_>,
    statistics: &mut Statistics,
) -> Result<(), Error> {
    let mut needed: BTreeMap<&str, (&Stage, BTreeSet<usize>)> = BTreeMap::new();
    for input in tensors.flat_map(|tensor| plan.tensors[tensor].op.inputs()) {
        if let Source::StageTensor { stage, tensor } = plan.source(*input)
            && steps.get(stage, tensor).is_none()
        {
            needed.entry(&stage.name).or_insert_with(|| (stage, BTreeSet::new())).1.insert(tensor);
        }
    }
    for (name, (stage, tensors)) in needed {
        prepare(steps, &stage.plan, tensors.iter().copied(), workers, statistics)?;
        let tensors: Vec<usize> = tensors.into_iter().collect();
        let running = Running { plan: &stage.plan, steps: &*steps, name };
        let found = statistics::gather(running, &tensors, workers, statistics)?;
        let mut made = Vec::new();
        for (tensor, statistic) in tensors.into_iter().zip(found) {
            let step = Step::new(&stage.plan.tensors[tensor], statistic).map_err(|error| match error {
                Error::Coefficients { reason, .. } => Error::Coefficients { tensor: running.title(tensor), reason },
                other => other,
            });
            made.push((tensor, step?));
        }
        steps.0.entry(name).or_default().extend(made);
    }
    Ok(())
}

/// Elements `range` of a tensor of another document's merge, as they would lie in its folder.
pub(super) fn made<'a, T: Real>(
    running: Running<'_>,
    stage: &Stage,
    tensor: usize,
    range: Range<usize>,
    buffer: &'a mut Buffer,
    options: &Options<'_>,
) -> Result<&'a [T], Error> {
    let planned = &stage.plan.tensors[tensor];
    let (TensorOp::Merge { compute_dtype, out_dtype: to, .. }, Some(step)) =
        (&planned.op, running.steps.get(stage, tensor))
    else {
        let reason = format!("the document `{}` has no floating-point numbers of it", stage.name);
        return Err(Error::Coefficients { tensor: planned.label(), reason });
    };
    let whole = step.whole(&range, planned.elements as usize);
    let inner = Running { plan: &stage.plan, steps: running.steps, name: &stage.name };
    let Buffer { widened, scratch, .. } = buffer;
    let scratch = scratch.get_or_insert_default();
    let span = Span { tensor, range: whole.clone() };
    let (bytes, _) = if *compute_dtype == Float::F64 {
        rounded::<f64>(inner, step, &span, *to, scratch, options)
    } else {
        rounded::<f32>(inner, step, &span, *to, scratch, options)
    }?;
    let bytes = &bytes[(range.start - whole.start) * to.size()..(range.end - whole.start) * to.size()];
    Ok(as_numbers(bytes, *to, widened, options))
}

fn as_numbers<'a, T: Real>(bytes: &'a [u8], float: Float, widened: &'a mut Vec<u64>, options: &Options<'_>) -> &'a [T] {
    if cfg!(target_endian = "little")
        && float == T::FLOAT
        && let Ok(values) = bytemuck::try_cast_slice(bytes)
    {
        return values;
    }
    let values = numbers(widened, bytes.len() / float.size());
    widen(options.level, bytes, float, values);
    values
}
