//! Rows of tensors: their length, and tiles of whole rows.

use std::ops::Range;

use crate::kernel::BLOCK;
use crate::plan::PlannedTensor;

/// Number of elements of a row, which is one run along the last dimension.
pub(super) fn row_length(tensor: &PlannedTensor) -> usize {
    tensor.shape.last().copied().unwrap_or(1).max(1)
}

/// Number of elements of a group of whole rows: as many rows as fit in a block, at least one. Sums are computed group by
/// group, so that they do not depend on the tile size.
pub(super) fn group_length(row: usize) -> usize {
    (BLOCK / row).max(1) * row
}

/// Number of elements of a tile of whole rows: as many groups as fit in `tile`, at least one.
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

/// The position of `part` of a tensor in a buffer that has the elements `range`.
pub(super) fn place_in(range: &Range<usize>, part: &Range<usize>) -> Range<usize> {
    part.start - range.start..part.end - range.start
}
