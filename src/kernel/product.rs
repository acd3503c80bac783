//! Matrix products over slices, computed by the `gemm` crate.

/// A matrix inside a slice: its first number, and the distances to the next row and to the next column.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    /// The slice.
    pub values: &'a [f32],
    /// How many rows it has.
    pub rows: usize,
    /// How many columns it has.
    pub columns: usize,
    /// The distance from a row to the next.
    pub row_stride: usize,
    /// The distance from a column to the next.
    pub column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A row-major matrix with `columns` columns.
    pub fn of_rows(values: &'a [f32], columns: usize) -> Self {
        let rows = values.len().checked_div(columns).unwrap_or(0);
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transposed view of the same numbers.
    #[must_use]
    pub fn transposed(self) -> Self {
        let Self { values, rows, columns, row_stride, column_stride } = self;
        Self { values, rows: columns, columns: rows, row_stride: column_stride, column_stride: row_stride }
    }

    /// The number of slice elements from the first to the last, inclusive.
    fn extent(&self) -> Option<usize> {
        let down = self.rows.checked_sub(1)?.checked_mul(self.row_stride)?;
        let across = self.columns.checked_sub(1)?.checked_mul(self.column_stride)?;
        down.checked_add(across)?.checked_add(1)
    }
}

/// Which threads compute a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// The caller's.
    One,
    /// All of the current pool.
    All,
}

/// `out = factor · left · right`; rows of `out` lie `stride` apart. Empty matrices give nothing.
///
/// # Panics
/// If the sizes do not fit each other or the slices.
pub fn multiply(out: &mut [f32], stride: usize, left: Matrix<'_>, right: Matrix<'_>, factor: f32, threads: Threads) {
    let (Some(of_left), Some(of_right)) = (left.extent(), right.extent()) else { return };
    assert_eq!(left.columns, right.rows, "columns of the left matrix and rows of the right one");
    assert!(of_left <= left.values.len() && of_right <= right.values.len(), "a factor goes beyond its slice");
    assert!(
        right.columns <= stride && (left.rows - 1) * stride + right.columns <= out.len(),
        "the product goes beyond its slice"
    );
    #[expect(unsafe_code, reason = "the matrix product takes pointers")]
    // SAFETY: every element that the strides lead to lies inside its slice, as asserted above; `out` is borrowed mutably and
    // so overlaps neither factor.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            out.as_mut_ptr(),
            1,
            stride.cast_signed(),
            false,
            left.values.as_ptr(),
            left.column_stride.cast_signed(),
            left.row_stride.cast_signed(),
            right.values.as_ptr(),
            right.column_stride.cast_signed(),
            right.row_stride.cast_signed(),
            0.0,
            factor,
            false,
            false,
            false,
            match threads {
                Threads::One => gemm::Parallelism::None,
                Threads::All => gemm::Parallelism::Rayon(0),
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn products_are_sums_of_products(m in 0usize..9, n in 0usize..40, depth in 1usize..70, seed: u32, all: bool) {
            let value = |i: usize| ((i as u32 ^ seed).wrapping_mul(0x9e37_79b1) >> 8) as f32 / 16_777_216.0 - 0.5;
            let left: Vec<f32> = (0..m * depth).map(value).collect();
            let right: Vec<f32> = (0..n * depth).map(|i| value(i + 7919)).collect();
            let threads = if all { Threads::All } else { Threads::One };
            let stride = n + 3;
            let mut out = vec![7.0; m * stride];
            let (of_left, of_right) = (Matrix::of_rows(&left, depth), Matrix::of_rows(&right, depth));
            multiply(&mut out, stride, of_left, of_right.transposed(), 2.0, threads);
            for (i, x) in left.chunks_exact(depth).enumerate() {
                for (j, y) in right.chunks_exact(depth).enumerate() {
                    let exact: f64 = x.iter().zip(y).map(|(x, y)| 2.0 * f64::from(*x) * f64::from(*y)).sum();
                    prop_assert!((f64::from(out[i * stride + j]) - exact).abs() < 2e-5);
                }
                // What lies between rows stays.
                prop_assert!(out[i * stride + n..(i + 1) * stride].iter().all(|x| x.to_bits() == 7f32.to_bits()));
            }
        }
    }

    #[test]
    fn products_follow_their_strides() {
        let left: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let right = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut out = [9.0; 8];
        let a = Matrix { values: &left[1..], rows: 2, columns: 3, row_stride: 6, column_stride: 1 };
        let b = Matrix { values: &right, rows: 3, columns: 2, row_stride: 1, column_stride: 3 };
        multiply(&mut out, 4, a, b, 0.5, Threads::One);
        let expected = [7.0, 16.0, 9.0, 9.0, 25.0, 61.0, 9.0, 9.0];
        assert!(out.iter().zip(expected).all(|(x, y): (&f32, f32)| (x - y).abs() < 1e-5), "{out:?}");
        multiply(&mut out, 4, Matrix { rows: 0, ..a }, b, 1.0, Threads::All);
    }
}
