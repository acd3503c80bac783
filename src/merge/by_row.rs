//! Tensors whose rows have parameters of their own: each class of rows has a step, and a tile is made in runs of rows of one.

use std::ops::Range;

use super::Error;
use super::apply::Step;
use super::statistics::Statistic;
use crate::method::Arguments;
use crate::plan::{ByRow, Input, PlannedTensor};

/// The steps of a tensor whose rows differ.
pub(super) struct RowSteps {
    /// What any of the steps reads.
    pub(super) inputs: Vec<Input>,
    /// Elements of a row.
    width: usize,
    rows: ByRow,
    /// The step of each class, an index into `steps`.
    step_of_class: Vec<usize>,
    steps: Vec<RowStep>,
}

/// What is done to some rows.
pub(super) struct RowStep {
    pub(super) step: Step,
    /// Where its inputs stand among those of the tensor.
    pub(super) uses: Vec<usize>,
}

impl RowSteps {
    /// The steps of `tensor`, which differ in their arguments and share its statistic.
    pub(super) fn new(tensor: &PlannedTensor, rows: &ByRow, statistic: &Statistic) -> Result<Self, Error> {
        let mut known: Vec<(&Arguments, Step)> = Vec::new();
        let mut step_of_class = Vec::new();
        for class in &rows.classes {
            let at = known.iter().position(|(arguments, _)| **arguments == class.arguments);
            step_of_class.push(at.unwrap_or(known.len()));
            if at.is_none() {
                known.push((&class.arguments, Step::of(tensor, &class.arguments, statistic.clone())?));
            }
        }
        let is_read = |input: &&Input| known.iter().any(|(_, step)| step.inputs().contains(input));
        let inputs: Vec<Input> = tensor.op.inputs().iter().filter(is_read).copied().collect();
        let row_step = |(_, step): (&Arguments, Step)| {
            let place = |input: &Input| inputs.iter().position(|known| known == input);
            RowStep { uses: step.inputs().iter().filter_map(place).collect(), step }
        };
        let steps = known.into_iter().map(row_step).collect();
        let elements = tensor.elements as usize;
        let width = elements / tensor.shape.first().copied().unwrap_or(1).max(1);
        Ok(Self { inputs, width: width.max(1), rows: rows.clone(), step_of_class, steps })
    }

    /// Any of the steps: all have the same masks and want the same tiles.
    pub(super) fn any(&self) -> Option<&Step> {
        self.steps.first().map(|row_step| &row_step.step)
    }

    /// The parts of a range of elements that have one step.
    pub(super) fn runs(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, &RowStep)> {
        let mut start = range.start;
        std::iter::from_fn(move || {
            if start >= range.end {
                return None;
            }
            let mut row = start / self.width;
            let index = self.step_of(row);
            loop {
                row += 1;
                if row * self.width >= range.end || self.step_of(row) != index {
                    break;
                }
            }
            let part = start..(row * self.width).min(range.end);
            start = part.end;
            Some((part, &self.steps[index]))
        })
    }

    fn step_of(&self, row: usize) -> usize {
        self.step_of_class[self.rows.class(row)]
    }
}
