//! Scores by which the elements of a tensor are ranked.

use std::marker::PhantomData;
use std::ops::Range;

use crate::kernel::{Real, SimdLevel, importance, variance};
use crate::merge::Error;
use crate::merge::buffers::{InputBuffer, numbers};
use crate::merge::context::Context;
use crate::merge::read::{finish_inputs, load_inputs};
use crate::merge::rows::{place_in, row_length, split_at_rows};
use crate::plan::Input;

/// Scores of the elements of some tensors, as the magnitudes of differences.
pub(in crate::merge::passes) trait Scores<S: Real>: Sync {
    /// The index in the plan of the tensor at position `at`.
    fn tensor(&self, at: usize) -> usize;

    /// Number of elements of a tile, where other passes have `tile` elements.
    fn tile(&self, tile: usize) -> usize {
        tile
    }

    /// Loads a tile: first the subtrahend, then the minuend of each sequence in `which`.
    fn load<'a>(
        &'a self,
        at: usize,
        tile: &Range<usize>,
        which: &[usize],
        buffers: ScoreBuffers<'a>,
    ) -> Result<Vec<&'a [S]>, Error>;

    /// Releases the memory of a tile once it has been used.
    fn finish(&self, at: usize, tile: &Range<usize>, which: &[usize]);
}

/// Buffers for a tile of scores.
#[derive(Debug)]
pub(in crate::merge::passes) struct ScoreBuffers<'a> {
    pub(super) inputs: &'a mut Vec<InputBuffer>,
    pub(super) scores: &'a mut Vec<u64>,
}

impl<'a> ScoreBuffers<'a> {
    /// Buffers for `n` inputs and for the scores.
    fn with_inputs(self, n: usize) -> (&'a mut [InputBuffer], &'a mut Vec<u64>) {
        self.inputs.resize_with(self.inputs.len().max(n), InputBuffer::default);
        (self.inputs, self.scores)
    }
}

/// The magnitudes of task vectors, one sequence for each model.
pub(in crate::merge::passes) struct Differences<'a> {
    pub(in crate::merge::passes) context: Context<'a>,
    /// Indices of the tensors.
    pub(in crate::merge::passes) tensors: Vec<usize>,
}

impl Differences<'_> {
    fn inputs(&self, at: usize, which: &[usize]) -> Vec<Input> {
        let inputs = self.context.inputs(self.tensors[at]);
        std::iter::once(0).chain(which.iter().map(|model| model + 1)).map(|index| inputs[index]).collect()
    }
}

impl<T: Real> Scores<T> for Differences<'_> {
    fn tensor(&self, at: usize) -> usize {
        self.tensors[at]
    }

    fn load<'a>(
        &'a self,
        at: usize,
        tile: &Range<usize>,
        which: &[usize],
        buffers: ScoreBuffers<'a>,
    ) -> Result<Vec<&'a [T]>, Error> {
        let inputs = self.inputs(at, which);
        load_inputs(self.context, &inputs, tile, buffers.with_inputs(inputs.len()).0)
    }

    fn finish(&self, at: usize, tile: &Range<usize>, which: &[usize]) {
        finish_inputs(self.context.plan, &self.inputs(at, which), tile, self.context.options);
    }
}

/// Scores that are computed from all inputs in float64, one sequence for each tensor.
pub(in crate::merge::passes) struct Computed<'a, T> {
    pub(in crate::merge::passes) context: Context<'a>,
    /// Indices of the tensors, and how their elements are scored.
    pub(in crate::merge::passes) tensors: Vec<(usize, Score<'a>)>,
    /// The format of the inputs.
    pub(in crate::merge::passes) of: PhantomData<fn() -> T>,
}

/// How elements are scored.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge::passes) enum Score<'a> {
    /// By their variance over the models.
    Variance,
    /// By the distance between the two models times the divergence of the row.
    Importance(&'a [f64]),
}

impl Score<'_> {
    /// Scores the elements `range` of a tensor with rows of `row` elements, whose values are given.
    fn fill<T: Real>(self, level: SimdLevel, row: usize, range: &Range<usize>, values: &[&[T]], out: &mut [f64]) {
        match (self, values) {
            (Self::Variance, [base, models @ ..]) => variance(level, base, models, out),
            (Self::Importance(divergences), [base, x]) => {
                for part in split_at_rows(range, row) {
                    let here = place_in(range, &part);
                    let divergence = divergences.get(part.start / row).copied().unwrap_or_default();
                    importance(level, &base[here.clone()], &x[here.clone()], divergence, &mut out[here]);
                }
            }
            _ => out.fill(0.0),
        }
    }
}

impl<T: Real> Scores<f64> for Computed<'_, T> {
    fn tensor(&self, at: usize) -> usize {
        self.tensors[at].0
    }

    /// Scores take twice the memory of the values that they are computed from, and both should stay in the second-level
    /// cache.
    fn tile(&self, tile: usize) -> usize {
        (tile / 4).max(1)
    }

    fn load<'a>(
        &'a self,
        at: usize,
        tile: &Range<usize>,
        _: &[usize],
        buffers: ScoreBuffers<'a>,
    ) -> Result<Vec<&'a [f64]>, Error> {
        let (index, score) = self.tensors[at];
        let inputs = self.context.inputs(index);
        let (input_buffers, score_buffer) = buffers.with_inputs(inputs.len());
        let values: Vec<&[T]> = load_inputs(self.context, inputs, tile, input_buffers)?;
        let (zeros, scores) = numbers::<f64>(score_buffer, 2 * tile.len()).split_at_mut(tile.len());
        zeros.fill(0.0);
        score.fill(self.context.options.level, row_length(self.context.tensor(index)), tile, &values, scores);
        Ok(vec![zeros, scores])
    }

    fn finish(&self, at: usize, tile: &Range<usize>, _: &[usize]) {
        let inputs = self.context.inputs(self.tensors[at].0);
        finish_inputs(self.context.plan, inputs, tile, self.context.options);
    }
}
