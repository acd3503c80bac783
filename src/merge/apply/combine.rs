//! Weighted sums with coefficients of their own for each row or column.

use std::ops::Range;

use crate::kernel::{Gram, GramSum, Real, SimdLevel, combine, combine_columns, combine_differences, dots};
use crate::merge::Error;
use crate::merge::read::split_base;
use crate::merge::rows::{place_in, split_at_rows};
use crate::merge::statistic::Columns;

/// Combines each row of a tile of whole rows with the coefficients from its own dot products.
pub(super) fn combine_by_row<T: Real>(
    level: SimdLevel,
    row: usize,
    task_vectors: bool,
    values: &[&[T]],
    coefficients: impl Fn(&Gram) -> Result<Vec<f64>, Error>,
    out: &mut [T],
) -> Result<(), Error> {
    let mut blocks = Vec::new();
    for (index, out) in out.chunks_mut(row).enumerate() {
        let here = index * row..index * row + out.len();
        let inputs: Vec<&[T]> = values.iter().map(|x| &x[here.clone()]).collect();
        let (base, vectors) = split_base(&inputs, task_vectors);
        blocks.clear();
        dots(level, base, vectors, &mut blocks);
        let mut sum = GramSum::new(vectors.len());
        sum.add(&blocks);
        let numbers: Vec<T> = coefficients(&sum.finish())?.into_iter().map(T::of).collect();
        match base {
            Some(base) => combine_differences(level, base, &numbers, vectors, out),
            None => combine(level, &numbers, vectors, out),
        }
    }
    Ok(())
}

/// One coefficient for each input and column: `[input][column]`.
pub(super) type ColumnCoefficients = Vec<Vec<f64>>;

/// Computes the coefficients of every column.
pub(super) fn column_coefficients(
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
    level: SimdLevel,
    range: &Range<usize>,
    task_vectors: bool,
    values: &[&[T]],
    coefficients: &ColumnCoefficients,
    out: &mut [T],
) {
    let width = coefficients.first().map_or(1, Vec::len);
    for part in split_at_rows(range, width) {
        let here = place_in(range, &part);
        let column = part.start % width;
        let inputs: Vec<&[T]> = values.iter().map(|x| &x[here.clone()]).collect();
        let numbers: Vec<&[f64]> = coefficients.iter().map(|c| &c[column..column + part.len()]).collect();
        let (base, vectors) = split_base(&inputs, task_vectors);
        combine_columns(level, base, &numbers, vectors, &mut out[here]);
    }
}
