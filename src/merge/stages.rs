//! Computes tensors of other documents' merges on demand.
//!
//! Before a batch of tensors, the statistics of the stage tensors that it is merged from are computed, those of the deepest
//! documents first. After that any run of elements can be computed on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::apply::{Step, build_step, round_tile};
use super::buffers::Scratch;
use super::context::{Context, StageReader};
use super::passes::collect_statistics;
use super::span::Span;
use super::statistic::Statistics;
use super::workers::Workers;
use super::{Error, Options};
use crate::kernel::DType;
use crate::plan::{Plan, Source, Stage, TensorOp};

/// The steps of stage tensors, by the document's name and the tensor.
#[derive(Default)]
pub(super) struct StageSteps<'a>(BTreeMap<&'a str, BTreeMap<usize, Step>>);

impl<'a> StageSteps<'a> {
    fn get(&self, stage: &Stage, tensor: usize) -> Option<&Step> {
        self.0.get(stage.name.as_str())?.get(&tensor)
    }

    /// Builds the steps of all stage tensors that some tensors of `plan` are merged from.
    pub(super) fn prepare(
        &mut self,
        plan: &'a Plan,
        tensors: impl Iterator<Item = usize>,
        options: &Options<'_>,
        workers: &Workers<'_>,
        statistics: &mut Statistics,
    ) -> Result<(), Error> {
        let mut needed: BTreeMap<&str, (&Stage, BTreeSet<usize>)> = BTreeMap::new();
        for input in tensors.flat_map(|tensor| plan.tensors[tensor].op.inputs()) {
            if let Source::StageTensor { stage, tensor } = plan.source(*input)
                && self.get(stage, tensor).is_none()
            {
                needed.entry(&stage.name).or_insert_with(|| (stage, BTreeSet::new())).1.insert(tensor);
            }
        }
        for (name, (stage, tensors)) in needed {
            self.prepare(&stage.plan, tensors.iter().copied(), options, workers, statistics)?;
            let tensors: Vec<usize> = tensors.into_iter().collect();
            let context = Context { plan: &stage.plan, document: name, stages: &*self, options };
            let found = collect_statistics(context, &tensors, workers, statistics)?;
            let mut steps = Vec::new();
            for (tensor, statistic) in tensors.into_iter().zip(found) {
                let step = build_step(context.tensor(tensor), statistic).map_err(|error| match error {
                    Error::Coefficients { reason, .. } => Error::Coefficients { tensor: context.title(tensor), reason },
                    other => other,
                });
                steps.push((tensor, step?));
            }
            self.0.entry(name).or_default().extend(steps);
        }
        Ok(())
    }
}

impl StageReader for StageSteps<'_> {
    fn read<'b>(
        &self,
        stage: &Stage,
        tensor: usize,
        range: Range<usize>,
        scratch: &'b mut Scratch,
        options: &Options<'_>,
    ) -> Result<(&'b [u8], DType), Error> {
        let planned = &stage.plan.tensors[tensor];
        let (TensorOp::Merge { compute_dtype, out_dtype, .. }, Some(step)) = (&planned.op, self.get(stage, tensor))
        else {
            let reason = format!("the document `{}` has no floating-point numbers of it", stage.name);
            return Err(Error::Coefficients { tensor: planned.label(), reason });
        };
        let context = Context { plan: &stage.plan, document: &stage.name, stages: self, options };
        let tile = Span { tensor, range: step.widen(&range, planned.elements as usize) };
        let (bytes, _) = if *compute_dtype == DType::F64 {
            round_tile::<f64>(context, step, &tile, *out_dtype, scratch)
        } else {
            round_tile::<f32>(context, step, &tile, *out_dtype, scratch)
        }?;
        let place = |element: usize| (element - tile.range.start) * out_dtype.size();
        Ok((&bytes[place(range.start)..place(range.end)], *out_dtype))
    }
}
