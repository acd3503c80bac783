//! A quadratic fit by ridge least squares.

/// A quadratic function on the unit cube.
#[derive(Clone, Debug)]
pub(super) struct Quadratic {
    coefficients: Vec<f64>,
    /// The root of the mean squared error at each point of the fit to the others; infinite where there are too few points.
    pub(super) left_out: f64,
    /// The average of that error for quadratic values with noise of standard deviation 1. Points at the ends are
    /// extrapolated, which amplifies the noise.
    pub(super) of_noise: f64,
}

/// Keeps the equations solvable; far below any score's noise.
const RIDGE: f64 = 1e-9;

/// The number of coefficients of a quadratic in this many dimensions.
pub(super) fn unknowns(dimensions: usize) -> usize {
    (dimensions + 1) * (dimensions + 2) / 2
}

/// The constant 1, the coordinates, and their products.
fn features(unit: &[f64]) -> Vec<f64> {
    let z: Vec<f64> = unit.iter().map(|u| 2.0 * u - 1.0).collect();
    let products = (0..z.len()).flat_map(|i| (i..z.len()).map(move |j| (i, j)));
    let products: Vec<f64> = products.map(|(i, j)| z[i] * z[j]).collect();
    std::iter::once(1.0).chain(z).chain(products).collect()
}

impl Quadratic {
    /// The fit to the values at the points; `None` where the points do not determine it.
    pub(super) fn fit(points: &[Vec<f64>], values: &[f64]) -> Option<Self> {
        let rows: Vec<Vec<f64>> = points.iter().map(|point| features(point)).collect();
        let m = rows.first()?.len();
        if rows.len() < m {
            return None;
        }
        let mut normal = vec![vec![0.0; m]; m];
        let mut right = vec![0.0; m];
        for (row, value) in rows.iter().zip(values) {
            for i in 0..m {
                right[i] += row[i] * value;
                for j in 0..m {
                    normal[i][j] += row[i] * row[j];
                }
            }
        }
        for (i, row) in normal.iter_mut().enumerate() {
            row[i] += RIDGE;
        }
        let inverse = inverse(normal)?;
        let times = |row: &[f64]| -> Vec<f64> {
            inverse.iter().map(|line| line.iter().zip(row).map(|(a, b)| a * b).sum()).collect()
        };
        let coefficients = times(&right);
        // The leave-one-out error of a point is its residual divided by one minus its leverage.
        let (mut squares, mut of_noise) = (0.0, 0.0);
        for (row, value) in rows.iter().zip(values) {
            let fitted: f64 = row.iter().zip(&coefficients).map(|(a, b)| a * b).sum();
            let leverage: f64 = row.iter().zip(times(row)).map(|(a, b)| a * b).sum();
            let rest = 1.0 - leverage;
            let error = if rest > 1e-6 { (value - fitted) / rest } else { f64::INFINITY };
            squares += error * error;
            of_noise += 1.0 / rest.max(1e-6);
        }
        let root = |sum: f64| (sum / rows.len() as f64).sqrt();
        Some(Self { coefficients, left_out: root(squares), of_noise: root(of_noise) })
    }

    /// The value at a point.
    pub(super) fn at(&self, unit: &[f64]) -> f64 {
        features(unit).iter().zip(&self.coefficients).map(|(a, b)| a * b).sum()
    }
}

/// The inverse, by Gauss and Jordan with row pivots.
fn inverse(mut a: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let n = a.len();
    let mut b: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for column in 0..n {
        let pivot = (column..n).max_by(|x, y| a[*x][column].abs().total_cmp(&a[*y][column].abs()))?;
        if a[pivot][column].abs() < 1e-12 {
            return None;
        }
        a.swap(column, pivot);
        b.swap(column, pivot);
        let scale = a[column][column];
        a[column].iter_mut().chain(&mut b[column]).for_each(|x| *x /= scale);
        let (lead_a, lead_b) = (a[column].clone(), b[column].clone());
        for row in (0..n).filter(|row| *row != column) {
            let factor = a[row][column];
            a[row].iter_mut().zip(&lead_a).for_each(|(x, lead)| *x -= factor * lead);
            b[row].iter_mut().zip(&lead_b).for_each(|(x, lead)| *x -= factor * lead);
        }
    }
    Some(b)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn too_few_points_determine_nothing() {
        assert!(Quadratic::fit(&[vec![0.0], vec![1.0]], &[0.0, 1.0]).is_none());
        assert!(Quadratic::fit(&[], &[]).is_none());
        let three = Quadratic::fit(&[vec![0.0], vec![0.5], vec![1.0]], &[0.0, 1.0, 0.0]).unwrap();
        assert!(three.left_out.is_infinite());
        assert!((three.at(&[0.5]) - 1.0).abs() < 1e-6);
    }

    proptest! {
        #[test]
        fn quadratics_are_found(c in prop::collection::vec(-2.0..2.0_f64, 6)) {
            let f = |u: &[f64]| {
                let (x, y) = (u[0], u[1]);
                c[0] + c[1] * x + c[2] * y + c[3] * x * x + c[4] * x * y + c[5] * y * y
            };
            let points: Vec<Vec<f64>> =
                (0..9).map(|at| vec![f64::from(at / 3) / 2.0, f64::from(at % 3) / 2.0]).collect();
            let values: Vec<f64> = points.iter().map(|point| f(point)).collect();
            let fit = Quadratic::fit(&points, &values).unwrap();
            prop_assert!(fit.left_out < 1e-6);
            for point in [[0.1, 0.9], [0.33, 0.2]] {
                prop_assert!((fit.at(&point) - f(&point)).abs() < 1e-6);
            }
        }

        #[test]
        fn the_left_out_error_is_that_of_fits_without_the_point(values in prop::collection::vec(0.0..1.0_f64, 6)) {
            let points: Vec<Vec<f64>> = (0..6).map(|at| vec![f64::from(at) / 5.0]).collect();
            let fit = Quadratic::fit(&points, &values).unwrap();
            let squares: f64 = (0..6)
                .map(|out| {
                    let kept = |index: &usize| *index != out;
                    let others: Vec<Vec<f64>> = (0..6).filter(kept).map(|index| points[index].clone()).collect();
                    let theirs: Vec<f64> = (0..6).filter(kept).map(|index| values[index]).collect();
                    let error = Quadratic::fit(&others, &theirs).unwrap().at(&points[out]) - values[out];
                    error * error
                })
                .sum();
            prop_assert!((fit.left_out - (squares / 6.0).sqrt()).abs() < 1e-5);
        }
    }
}
