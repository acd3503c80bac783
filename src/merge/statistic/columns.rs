//! Dot products of the columns of a tensor.

use crate::kernel::{Gram, GramSum};

/// The dot products of each column of a tensor.
#[derive(Clone, Debug)]
pub(in crate::merge) struct Columns {
    /// How many vectors there are.
    pub(in crate::merge) vectors: usize,
    /// How many columns there are: the elements of one entry along the first dimension.
    pub(in crate::merge) width: usize,
    /// For each pair of vectors, in the order of the upper triangle, one sum for each column.
    pub(in crate::merge) dots: Vec<f64>,
}

impl Columns {
    /// The Gram matrix of one column.
    pub(in crate::merge) fn gram(&self, column: usize) -> Gram {
        let mut sum = GramSum::new(self.vectors);
        let triangle: Vec<f64> = self.dots.iter().skip(column).step_by(self.width).copied().collect();
        sum.add(&triangle);
        sum.finish()
    }
}
