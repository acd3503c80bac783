//! Selects the elements of a tile that take part in its result.

use std::ops::Range;

use super::masked::draw_masks;
use super::step::Step;
use crate::kernel::{Real, SimdLevel};
use crate::merge::span::Span;
use crate::merge::statistic::{Consensus, select_by_variance};

/// Buffers for selections.
pub(super) struct SelectionBuffers<'r> {
    pub(super) scores: &'r mut Vec<u64>,
    pub(super) masks: &'r mut Vec<u64>,
    pub(super) draws: &'r mut Vec<u64>,
}

/// The elements of a tile that are kept.
#[derive(Default)]
pub(super) struct Selection<'r> {
    /// The random masks of a masked sum, for the models that have one.
    pub(super) drawn: Vec<Option<&'r [u8]>>,
    /// The mask of a consensus.
    pub(super) stays: Option<&'r [u8]>,
}

impl<'r> Selection<'r> {
    /// Selects elements of a tile, given the values of the step's inputs.
    pub(super) fn of<T: Real>(
        step: &Step,
        level: SimdLevel,
        tile: &Span,
        values: &[&[T]],
        buffers: SelectionBuffers<'r>,
    ) -> Self {
        let start = tile.range.start;
        match (step, values) {
            (Step::Masked { masks, .. }, [base, models @ ..]) => {
                let drawn = draw_masks(level, start, masks, base, models, buffers.masks, buffers.draws);
                Self { drawn, stays: None }
            }
            (Step::Consensus { consensus: Consensus { selected: Some(threshold), .. }, .. }, values) => {
                let stays = select_by_variance(level, *threshold, start, values, buffers.scores, buffers.masks);
                Self { drawn: Vec::new(), stays: Some(stays) }
            }
            (Step::ByRow(rows), values) => match rows.any() {
                Some(step) => Self::of(step, level, tile, values, buffers),
                None => Self::default(),
            },
            _ => Self::default(),
        }
    }

    /// The selection among some elements of the tile.
    pub(super) fn part(&self, here: &Range<usize>) -> Self {
        let drawn = self.drawn.iter().map(|mask| mask.map(|mask| &mask[here.clone()])).collect();
        Self { drawn, stays: self.stays.map(|stays| &stays[here.clone()]) }
    }
}
