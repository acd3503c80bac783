//! Decompositions of whole matrices in float64, on the caller's thread, by the `faer` crate.
//!
//! faer chooses its instruction set itself, so that last bits may differ between machines, though not with the number of threads.

use faer::Par;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::svd::{ComputeSvdVectors, svd as faer_svd, svd_scratch};

pub use faer::Mat;

/// A decomposition that did not converge, as happens with values that are not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotConverged;

/// A singular value decomposition `u · diag(values) · vᵀ`, largest values first, without directions that are only rounding.
#[derive(Debug)]
pub struct Svd {
    /// The left singular vectors, one a column.
    pub u: Mat<f64>,
    /// The singular values.
    pub values: Vec<f64>,
    /// The right singular vectors, one a column.
    pub v: Mat<f64>,
}

impl Svd {
    /// The product with other singular values.
    pub fn with_values(&self, values: impl Fn(usize) -> f64) -> Mat<f64> {
        let scaled = Mat::from_fn(self.u.nrows(), self.u.ncols(), |row, column| self.u[(row, column)] * values(column));
        scaled * self.v.transpose()
    }
}

/// Gives large blocks of memory back to the system as soon as they are free. glibc keeps those of up to 32 MiB for later, which
/// adds up where matrices of several sizes come and go.
pub(super) fn free_at_once() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            #[expect(unsafe_code, reason = "a setting of the C library")]
            // SAFETY: it takes two numbers and changes where later allocations come from.
            unsafe {
                libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
            }
        });
    }
}

/// Decomposes a matrix.
///
/// # Errors
/// [`NotConverged`] with values that are not finite.
pub fn svd(matrix: &Mat<f64>) -> Result<Svd, NotConverged> {
    free_at_once();
    let (rows, columns) = (matrix.nrows(), matrix.ncols());
    let most = rows.min(columns);
    let (mut u, mut v) = (Mat::zeros(rows, most), Mat::zeros(columns, most));
    let mut values = faer::diag::Diag::<f64>::zeros(most);
    let thin = ComputeSvdVectors::Thin;
    let mut memory = MemBuffer::try_new(svd_scratch::<f64>(rows, columns, thin, thin, Par::Seq, <_>::default()))
        .map_err(|_| NotConverged)?;
    let (out_u, out_v) = (Some(u.as_mut()), Some(v.as_mut()));
    let stack = MemStack::new(&mut memory);
    faer_svd(matrix.as_ref(), values.as_mut(), out_u, out_v, Par::Seq, stack, <_>::default())
        .map_err(|_| NotConverged)?;
    let values: Vec<f64> = values.column_vector().iter().copied().collect();
    let largest = values.first().copied().unwrap_or(0.0);
    if !largest.is_finite() {
        return Err(NotConverged);
    }
    // As numpy's `matrix_rank` has it.
    let noise = largest * rows.max(columns) as f64 * f64::EPSILON;
    let rank = values.iter().take_while(|value| **value > noise).count();
    u.truncate(rows, rank);
    v.truncate(columns, rank);
    Ok(Svd { u, values: values.into_iter().take(rank).collect(), v })
}

/// `left` times the function `f` of a symmetric matrix: its eigenvectors with `f(eigenvalue, largest eigenvalue)`.
///
/// # Errors
/// [`NotConverged`] with values that are not finite.
pub fn times_function(
    left: &Mat<f64>,
    matrix: Mat<f64>,
    f: impl Fn(f64, f64) -> f64,
) -> Result<Mat<f64>, NotConverged> {
    free_at_once();
    let size = matrix.nrows();
    let mut q = Mat::zeros(size, size);
    let mut values = faer::diag::Diag::<f64>::zeros(size);
    let scratch = self_adjoint_evd_scratch::<f64>(size, ComputeEigenvectors::Yes, Par::Seq, <_>::default());
    let mut memory = MemBuffer::try_new(scratch).map_err(|_| NotConverged)?;
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(matrix.as_ref(), values.as_mut(), Some(q.as_mut()), Par::Seq, stack, <_>::default())
        .map_err(|_| NotConverged)?;
    drop((memory, matrix));
    let values: Vec<f64> = values.column_vector().iter().copied().collect();
    let largest = values.last().copied().unwrap_or(0.0);
    if !largest.is_finite() {
        return Err(NotConverged);
    }
    let along = left * &q;
    let scaled = Mat::from_fn(along.nrows(), size, |row, column| along[(row, column)] * f(values[column], largest));
    Ok(scaled * q.transpose())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn distance(one: &Mat<f64>, other: &Mat<f64>) -> f64 {
        (one - other).norm_max()
    }

    #[test]
    fn a_matrix_is_the_product_of_its_parts() {
        for (rows, columns) in [(1, 1), (4, 7), (7, 4), (30, 30)] {
            let matrix = Mat::from_fn(rows, columns, |row, column| ((row * 7 + column * 3) % 11) as f64 - 5.0);
            let parts = svd(&matrix).unwrap();
            let values = parts.values.clone();
            assert!(distance(&parts.with_values(|index| values[index]), &matrix) < 1e-12, "{rows} × {columns}");
            assert!(values.windows(2).all(|pair| pair[0] >= pair[1]));
        }
    }

    #[test]
    fn directions_of_rounding_are_left_out() {
        let matrix = Mat::from_fn(6, 5, |row, column| (row + 1) as f64 * (column + 2) as f64);
        assert_eq!(svd(&matrix).unwrap().values.len(), 1);
        assert_eq!(svd(&Mat::zeros(3, 4)).unwrap().values.len(), 0);
        assert_eq!(svd(&Mat::from_fn(3, 3, |_, _| f64::NAN)).err(), Some(NotConverged));
    }

    #[test]
    fn a_function_of_a_symmetric_matrix_is_one_of_its_eigenvalues() {
        let half = Mat::from_fn(5, 5, |row, column| ((row * 5 + column * 2) % 7) as f64);
        let matrix = &half * half.transpose();
        let squared = times_function(&Mat::identity(5, 5), matrix.clone(), |value, _| value * value).unwrap();
        assert!(distance(&squared, &(&matrix * &matrix)) < 1e-9 * matrix.norm_max() * matrix.norm_max());
    }
}
