//! Tensors whose rows have parameters of their own: each class of rows has a step, and a tile is computed in runs of rows
//! of one class.

use std::ops::Range;

use crate::merge::Error;
use crate::method::Arguments;
use crate::plan::{ByRow, Input, PlannedTensor};

/// The steps of a tensor whose rows differ.
pub(in crate::merge) struct RowSteps<S> {
    /// The inputs that any of the steps reads.
    pub(super) inputs: Vec<Input>,
    /// Elements of a row.
    width: usize,
    rows: ByRow,
    /// The step of each class, an index into `steps`.
    step_of_class: Vec<usize>,
    steps: Vec<RowStep<S>>,
}

/// The step of some rows.
pub(super) struct RowStep<S> {
    pub(super) step: S,
    /// The indices of its inputs among those of the tensor.
    pub(super) uses: Vec<usize>,
}

impl<S> RowSteps<S> {
    /// Builds the steps of `tensor`: `step` builds one from the arguments of a class, and `inputs_of` returns its inputs.
    pub(super) fn new(
        tensor: &PlannedTensor,
        rows: &ByRow,
        step: impl Fn(&Arguments) -> Result<S, Error>,
        inputs_of: impl Fn(&S) -> &[Input],
    ) -> Result<Self, Error> {
        let mut known: Vec<(&Arguments, S)> = Vec::new();
        let mut step_of_class = Vec::new();
        for class in &rows.classes {
            let at = known.iter().position(|(arguments, _)| **arguments == class.arguments);
            step_of_class.push(at.unwrap_or(known.len()));
            if at.is_none() {
                known.push((&class.arguments, step(&class.arguments)?));
            }
        }
        let is_read = |input: &&Input| known.iter().any(|(_, step)| inputs_of(step).contains(input));
        let inputs: Vec<Input> = tensor.op.inputs().iter().filter(is_read).copied().collect();
        let row_step = |(_, step): (&Arguments, S)| {
            let place = |input: &Input| inputs.iter().position(|known| known == input);
            RowStep { uses: inputs_of(&step).iter().filter_map(place).collect(), step }
        };
        let steps = known.into_iter().map(row_step).collect();
        let elements = tensor.elements as usize;
        let width = elements / tensor.shape.first().copied().unwrap_or(1).max(1);
        Ok(Self { inputs, width: width.max(1), rows: rows.clone(), step_of_class, steps })
    }

    /// Any one of the steps. All have the same masks and need the same tiles.
    pub(super) fn any(&self) -> Option<&S> {
        self.steps.first().map(|row_step| &row_step.step)
    }

    /// Cuts a range of elements into parts that have one step.
    pub(super) fn runs(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, &RowStep<S>)> {
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
