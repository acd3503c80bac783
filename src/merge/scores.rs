//! What the elements of a tensor are ranked by.

use std::marker::PhantomData;
use std::ops::Range;

use super::gram::lines;
use super::lines::row_of;
use super::made::Running;
use super::scratch::{Buffer, finish_all, numbers, views};
use super::{Error, Options};
use crate::kernel::{Real, importance, variance};
use crate::plan::Input;

/// Scores of the elements of some tensors, as the magnitudes of differences.
pub(super) trait Scores<S: Real>: Sync {
    /// The tensor at place `at`: its index in the plan.
    fn tensor(&self, at: usize) -> usize;

    /// Elements of a tile, where one has `tile` elements otherwise.
    fn tile(&self, tile: usize) -> usize {
        tile
    }

    /// What is subtracted, and for each of the sequences `which` what it is subtracted from.
    fn load<'a>(
        &'a self,
        at: usize,
        tile: &Range<usize>,
        which: &[usize],
        room: Room<'a>,
    ) -> Result<Vec<&'a [S]>, Error>;

    /// Says that a tile was read.
    fn finish(&self, at: usize, tile: &Range<usize>, which: &[usize]);
}

/// Room for a tile of scores.
#[derive(Debug)]
pub(super) struct Room<'a> {
    pub(super) inputs: &'a mut Vec<Buffer>,
    pub(super) scores: &'a mut Vec<u64>,
}

/// The magnitudes of task vectors, one sequence a model.
pub(super) struct Differences<'a> {
    pub(super) plan: Running<'a>,
    pub(super) options: &'a Options<'a>,
    pub(super) tensors: Vec<usize>,
}

impl Differences<'_> {
    fn inputs(&self, at: usize, which: &[usize]) -> Vec<Input> {
        let inputs = self.plan.tensors[self.tensors[at]].op.inputs();
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
        room: Room<'a>,
    ) -> Result<Vec<&'a [T]>, Error> {
        let inputs = self.inputs(at, which);
        room.inputs.resize_with(room.inputs.len().max(inputs.len()), Buffer::default);
        views(self.plan, &inputs, tile, room.inputs, self.options)
    }

    fn finish(&self, at: usize, tile: &Range<usize>, which: &[usize]) {
        finish_all(&self.plan, &self.inputs(at, which), tile, self.options);
    }
}

/// One sequence of f64 that is made from all inputs.
pub(super) struct Computed<'a, T> {
    pub(super) plan: Running<'a>,
    pub(super) options: &'a Options<'a>,
    /// Index and kind.
    pub(super) tensors: Vec<(usize, Kind<'a>)>,
    pub(super) of: PhantomData<fn() -> T>,
}

/// How scores are made.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// The variance over the models.
    Variance,
    /// The distance of the two models times the divergence of the row.
    Importance(&'a [f64]),
}

impl Kind<'_> {
    /// The scores of the elements `range`, whose values are given.
    pub(super) fn fill<T: Real>(
        self,
        options: &Options<'_>,
        row: usize,
        range: &Range<usize>,
        values: &[&[T]],
        out: &mut [f64],
    ) {
        match (self, values) {
            (Self::Variance, [base, models @ ..]) => variance(options.level, base, models, out),
            (Self::Importance(divergences), [base, x]) => {
                for part in lines(range, row) {
                    let here = part.start - range.start..part.end - range.start;
                    let divergence = divergences.get(part.start / row).copied().unwrap_or_default();
                    importance(options.level, &base[here.clone()], &x[here.clone()], divergence, &mut out[here]);
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

    /// Scores take twice the room of what they are made from, and are to stay in the second-level cache with it.
    fn tile(&self, tile: usize) -> usize {
        (tile / 4).max(1)
    }

    fn load<'a>(
        &'a self,
        at: usize,
        tile: &Range<usize>,
        _: &[usize],
        room: Room<'a>,
    ) -> Result<Vec<&'a [f64]>, Error> {
        let (index, kind) = self.tensors[at];
        let tensor = &self.plan.tensors[index];
        let inputs = tensor.op.inputs();
        room.inputs.resize_with(room.inputs.len().max(inputs.len()), Buffer::default);
        let values: Vec<&[T]> = views(self.plan, inputs, tile, room.inputs, self.options)?;
        let (zeros, scores) = numbers::<f64>(room.scores, 2 * tile.len()).split_at_mut(tile.len());
        zeros.fill(0.0);
        kind.fill(self.options, row_of(tensor), tile, &values, scores);
        Ok(vec![zeros, scores])
    }

    fn finish(&self, at: usize, tile: &Range<usize>, _: &[usize]) {
        finish_all(&self.plan, self.plan.tensors[self.tensors[at].0].op.inputs(), tile, self.options);
    }
}
