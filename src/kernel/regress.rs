//! Products and quotients of large matrices in float64, on all threads of the current pool, by the `faer` crate.
//!
//! Matrices are cut at fixed places, so that results do not depend on the number of threads.

use std::ops::Range;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::{solve_in_place, solve_in_place_scratch};
use faer::{Mat, Par};
use rayon::prelude::*;

use super::decompose::{NotConverged, free_at_once};

/// Columns that one thread computes at a time.
const COLUMNS: usize = 64;

/// Shares that are added to the diagonal of a matrix with a diagonal of ones, the next one where a smaller one leaves it singular but
/// for rounding. The first is below what sums of float32 are exact to.
const RIDGES: [f64; 4] = [1e-9, 1e-7, 1e-6, 1e-5];

/// `left · right`
pub fn product(left: &Mat<f64>, right: &Mat<f64>) -> Mat<f64> {
    by_columns(left.nrows(), right.ncols(), |columns| Ok(left * right.subcols(columns.start, columns.len())))
        .unwrap_or_else(|NotConverged| Mat::zeros(left.nrows(), right.ncols()))
}

/// `left · matrix⁻¹` with a symmetric matrix that has no negative eigenvalues. Where the matrix is singular, the part of `left` in
/// that direction is taken for 0.
///
/// # Errors
/// [`NotConverged`] with values that are not finite, or a matrix with negative eigenvalues.
pub fn product_with_inverse(left: &Mat<f64>, matrix: &Mat<f64>) -> Result<Mat<f64>, NotConverged> {
    let size = matrix.nrows();
    // With a diagonal of ones, inputs of every size are exact to the same share.
    let scale = |index: usize| {
        let diagonal = matrix[(index, index)];
        if diagonal > 0.0 { 1.0 / diagonal.sqrt() } else { 0.0 }
    };
    let scales: Vec<f64> = (0..size).map(scale).collect();
    let factor = RIDGES.iter().find_map(|ridge| factor(matrix, &scales, *ridge)).ok_or(NotConverged)?;
    let solved = by_columns(size, left.nrows(), |rows| {
        let mut part = Mat::from_fn(size, rows.len(), |row, column| left[(rows.start + column, row)] * scales[row]);
        let mut memory =
            MemBuffer::try_new(solve_in_place_scratch::<f64>(size, rows.len(), Par::Seq)).map_err(|_| NotConverged)?;
        solve_in_place(factor.as_ref(), part.as_mut(), Par::Seq, MemStack::new(&mut memory));
        Ok(part)
    })?;
    let out = Mat::from_fn(left.nrows(), size, |row, column| solved[(column, row)] * scales[column]);
    if out.norm_max().is_finite() { Ok(out) } else { Err(NotConverged) }
}

/// The lower factor of the scaled matrix with a ridge; `None` if it is not positive definite.
fn factor(matrix: &Mat<f64>, scales: &[f64], ridge: f64) -> Option<Mat<f64>> {
    let size = matrix.nrows();
    let mut scaled = Mat::from_fn(size, size, |row, column| {
        if row == column { 1.0 + ridge } else { matrix[(row, column)] * scales[row] * scales[column] }
    });
    let scratch = cholesky_in_place_scratch::<f64>(size, Par::Seq, <_>::default());
    let mut memory = MemBuffer::try_new(scratch).ok()?;
    let stack = MemStack::new(&mut memory);
    let none = <_>::default();
    cholesky_in_place(scaled.as_mut(), none, Par::Seq, stack, <_>::default()).ok()?;
    Some(scaled)
}

/// A matrix of which `compute` gives some columns at a time.
fn by_columns(
    rows: usize,
    columns: usize,
    compute: impl Fn(Range<usize>) -> Result<Mat<f64>, NotConverged> + Sync,
) -> Result<Mat<f64>, NotConverged> {
    free_at_once();
    let starts: Vec<usize> = (0..columns).step_by(COLUMNS).collect();
    let range = |start: usize| start..(start + COLUMNS).min(columns);
    let parts: Vec<Mat<f64>> =
        starts.par_iter().map(|start| compute(range(*start))).collect::<Result<_, NotConverged>>()?;
    let mut out = Mat::zeros(rows, columns);
    for (start, part) in starts.iter().zip(parts) {
        out.subcols_mut(*start, part.ncols()).copy_from(&part);
    }
    Ok(out)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn matrix(rows: usize, columns: usize, seed: usize) -> Mat<f64> {
        Mat::from_fn(rows, columns, |row, column| ((row * 31 + column * 17 + seed) % 23) as f64 / 11.0 - 1.0)
    }

    #[test]
    fn a_product_times_its_factor_gives_the_left_side_back() {
        let half = matrix(70, 90, 3);
        let gram = &half * half.transpose() + Mat::<f64>::identity(70, 70);
        let left = matrix(80, 70, 5);
        let found = product_with_inverse(&product(&left, &gram), &gram).unwrap();
        assert!((found - left).norm_max() < 1e-6);
    }

    #[test]
    fn directions_without_inputs_are_left_alone() {
        // The third input is always 0, and the second the same as the first.
        let inputs = Mat::from_fn(10, 3, |row, column| if column == 2 { 0.0 } else { row as f64 + 1.0 });
        let gram = inputs.transpose() * &inputs;
        let left = matrix(4, 3, 1);
        let found = product_with_inverse(&product(&left, &gram), &gram).unwrap();
        for row in 0..4 {
            let mean = f64::midpoint(left[(row, 0)], left[(row, 1)]);
            for (column, expected) in [mean, mean, 0.0].into_iter().enumerate() {
                assert!((found[(row, column)] - expected).abs() < 1e-5, "{found:?}");
            }
        }
        assert_eq!(product_with_inverse(&left, &Mat::from_fn(3, 3, |_, _| f64::NAN)).err(), Some(NotConverged));
    }
}
