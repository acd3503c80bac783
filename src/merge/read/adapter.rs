//! Adds an adapter's product to a model's own tensor.

use std::ops::Range;

use crate::checkpoint::Product;
use crate::kernel::{Real, SimdLevel, combine};
use crate::merge::rows::{place_in, split_at_rows};

/// Computes `out = values + scale · left · right` for the elements `range` of the product. The sum over the rank is taken
/// in order.
pub(super) fn add_product<T: Real>(
    level: SimdLevel,
    product: &Product,
    range: &Range<usize>,
    values: &[T],
    out: &mut [T],
) {
    let right: Vec<T> = product.right();
    let mut sum = vec![T::ZERO; product.columns.min(range.len())];
    for part in split_at_rows(range, product.columns.max(1)) {
        let here = place_in(range, &part);
        let first = part.start % product.columns;
        let left: Vec<T> = product.left(part.start / product.columns);
        let rows: Vec<&[T]> = right.chunks(product.columns).map(|row| &row[first..first + part.len()]).collect();
        let sum = &mut sum[..part.len()];
        combine(level, &left, &rows, sum);
        combine(level, &[T::of(1.0), T::of(product.scale)], &[&values[here.clone()], sum], &mut out[here]);
    }
}
