//! Spans: the pieces of tensors that work is cut into.

use std::ops::Range;

/// A run of elements of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Index into the plan's tensors.
    pub(super) tensor: usize,
    /// The elements.
    pub(super) range: Range<usize>,
}

impl Span {
    /// Cuts `tensor` of `elements` elements into spans of at most `length`.
    pub(super) fn cut(tensor: usize, elements: usize, length: usize) -> impl Iterator<Item = Self> {
        (0..elements).step_by(length).map(move |start| Self { tensor, range: start..(start + length).min(elements) })
    }

    /// Cuts the span into tiles.
    pub(super) fn tiles(&self, tile: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let end = self.range.end;
        self.range.clone().step_by(tile).map(move |start| start..(start + tile).min(end))
    }
}
