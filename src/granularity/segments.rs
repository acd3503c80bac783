//! The runs of a tile's elements that are kept of a tensor, and the class of rows that each belongs to.

use crate::plan::ByRow;

/// A run of elements of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Where it begins in the tile.
    pub(crate) from: usize,
    /// Where it begins in what is kept.
    pub(crate) to: usize,
    pub(crate) len: usize,
    pub(crate) class: usize,
}

/// Which rows of a tensor are kept, and their classes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// Elements of a row.
    pub(crate) width: usize,
    /// The rows that are kept, in order; all without.
    pub(crate) kept: Option<&'a [u32]>,
    pub(crate) classes: Option<&'a ByRow>,
}

impl Rows<'_> {
    /// The runs of a tile of `len` elements that begins at element `start`.
    pub(crate) fn segments(&self, start: usize, len: usize) -> Vec<Segment> {
        if self.kept.is_none() && self.classes.is_none() {
            return vec![Segment { from: 0, to: start, len, class: 0 }];
        }
        let width = self.width.max(1);
        let (first, end) = (start / width, (start + len).div_ceil(width));
        let segment = |row: usize, place: usize| {
            let (begin, stop) = ((row * width).max(start), ((row + 1) * width).min(start + len));
            let class = self.classes.map_or(0, |classes| classes.class(row));
            Segment { from: begin - start, to: place * width + (begin - row * width), len: stop - begin, class }
        };
        match self.kept {
            None => (first..end).map(|row| segment(row, row)).collect(),
            Some(kept) => {
                let begin = kept.partition_point(|row| (*row as usize) < first);
                let rows = kept.iter().enumerate().skip(begin).take_while(|(_, row)| (**row as usize) < end);
                rows.map(|(place, row)| segment(*row as usize, place)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_rows_are_found_in_tiles_that_begin_inside_of_rows() {
        let whole = Rows { width: 4, kept: None, classes: None };
        assert_eq!(whole.segments(6, 5), [Segment { from: 0, to: 6, len: 5, class: 0 }]);
        let some = Rows { width: 4, kept: Some(&[0, 2, 3, 7]), classes: None };
        // Elements 6 to 13: the end of row 1, row 2, and the beginning of row 3.
        let found = some.segments(6, 8);
        assert_eq!(found, [Segment { from: 2, to: 4, len: 4, class: 0 }, Segment { from: 6, to: 8, len: 2, class: 0 }]);
        assert_eq!(some.segments(16, 8), []);
    }
}
