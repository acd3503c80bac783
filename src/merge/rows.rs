//! Rows of tensors: how long they are, and how tiles are made of whole ones.

use std::ops::Range;

use crate::kernel::BLOCK;
use crate::plan::PlannedTensor;

/// Elements of a row: of one run along the last dimension.
pub(super) fn row_length(tensor: &PlannedTensor) -> usize {
    tensor.shape.last().copied().unwrap_or(1).max(1)
}

/// Elements of a group of whole rows: as many rows as fit in a block, at least one. Sums are taken group by group, so
/// that they do not depend on the tile size.
pub(super) fn group_length(row: usize) -> usize {
    (BLOCK / row).max(1) * row
}

/// Elements of a tile of whole rows: as many groups as fit in `tile`, at least one.
pub(super) fn tile_of_rows(tile: usize, row: usize) -> usize {
    let group = group_length(row);
    (tile / group).max(1) * group
}

/// Cuts a range of elements into parts that each lie in one row of `width` elements.
pub(super) fn split_at_rows(range: &Range<usize>, width: usize) -> impl Iterator<Item = Range<usize>> + use<> {
    let (mut start, end, width) = (range.start, range.end, width.max(1));
    std::iter::from_fn(move || {
        let part = start..((start / width + 1) * width).min(end);
        start = part.end;
        (!part.is_empty()).then_some(part)
    })
}

/// Where `part` of a tensor lies in a buffer that holds the elements `range`.
pub(super) fn place_in(range: &Range<usize>, part: &Range<usize>) -> Range<usize> {
    part.start - range.start..part.end - range.start
}
