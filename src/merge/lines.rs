//! Weighted sums with coefficients of their own for each row or column.

use std::ops::Range;

use super::Error;
use super::gram::{Columns, lines};
use crate::kernel::{BLOCK, Gram, GramSum, Level, Real, combine, combine_around, combine_columns, dots};
use crate::plan::PlannedTensor;

/// Elements of a row: of one run along the last dimension.
pub(super) fn row_of(tensor: &PlannedTensor) -> usize {
    tensor.shape.last().copied().unwrap_or(1).max(1)
}

/// Elements of the runs of whole rows that are summed up as one: whole rows, as many as fit in a block.
pub(super) fn unit_of(row: usize) -> usize {
    (BLOCK / row).max(1) * row
}

/// Elements of a tile of whole rows: whole units, as many as fit in `tile`.
pub(super) fn rows_per_tile(tile: usize, row: usize) -> usize {
    let unit = unit_of(row);
    (tile / unit).max(1) * unit
}

/// The first of the inputs where it is taken off the others, and the others.
fn split<'a, 'b, T>(values: &'b [&'a [T]], around: bool) -> (Option<&'a [T]>, &'b [&'a [T]]) {
    match values.split_first() {
        Some((base, models)) if around => (Some(base), models),
        _ => (None, values),
    }
}

/// Combines each row of a tile, which holds whole rows, with the coefficients that its own dot products give.
pub(super) fn combine_rows<T: Real>(
    level: Level,
    row: usize,
    around: bool,
    values: &[&[T]],
    coefficients: impl Fn(&Gram) -> Result<Vec<f64>, Error>,
    out: &mut [T],
) -> Result<(), Error> {
    let mut blocks = Vec::new();
    for (index, out) in out.chunks_mut(row).enumerate() {
        let here = index * row..index * row + out.len();
        let inputs: Vec<&[T]> = values.iter().map(|x| &x[here.clone()]).collect();
        let (base, vectors) = split(&inputs, around);
        blocks.clear();
        dots(level, base, vectors, &mut blocks);
        let mut sum = GramSum::new(vectors.len());
        sum.add(&blocks);
        let numbers: Vec<T> = coefficients(&sum.finish())?.into_iter().map(T::of).collect();
        match base {
            Some(base) => combine_around(level, base, &numbers, vectors, out),
            None => combine(level, &numbers, vectors, out),
        }
    }
    Ok(())
}

/// One coefficient an input and column: `[input][column]`.
pub(super) type ColumnCoefficients = Vec<Vec<f64>>;

/// The coefficients of every column.
pub(super) fn of_columns(
    columns: &Columns,
    inputs: usize,
    coefficients: impl Fn(&Gram) -> Result<Vec<f64>, Error>,
) -> Result<ColumnCoefficients, Error> {
    let mut all = vec![vec![0.0; columns.width]; inputs];
    for column in 0..columns.width {
        for (of_input, coefficient) in all.iter_mut().zip(coefficients(&columns.gram(column))?) {
            of_input[column] = coefficient;
        }
    }
    Ok(all)
}

/// Combines the elements `range` of a tensor by the coefficients of their columns.
pub(super) fn combine_by_column<T: Real>(
    level: Level,
    range: &Range<usize>,
    around: bool,
    values: &[&[T]],
    coefficients: &ColumnCoefficients,
    out: &mut [T],
) {
    let width = coefficients.first().map_or(1, Vec::len);
    for part in lines(range, width) {
        let here = part.start - range.start..part.end - range.start;
        let column = part.start % width;
        let inputs: Vec<&[T]> = values.iter().map(|x| &x[here.clone()]).collect();
        let numbers: Vec<&[f64]> = coefficients.iter().map(|c| &c[column..column + part.len()]).collect();
        let (base, vectors) = split(&inputs, around);
        combine_columns(level, base, &numbers, vectors, &mut out[here]);
    }
}
