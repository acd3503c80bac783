//! A smooth surface through measured points, only for figures: none of its values is shown as a score.
//!
//! A thin plate spline (Duchon 1977), which bends as little as a surface through the points can.

/// Points that a surface goes through; of more, some spread evenly over them are taken.
const MOST: usize = 240;

/// What keeps the equations solvable where points lie close together.
const RIDGE: f64 = 1e-6;

/// A surface over the plane.
#[derive(Clone, Debug)]
pub(super) struct Surface {
    points: Vec<(f64, f64)>,
    weights: Vec<f64>,
    plane: [f64; 3],
}

impl Surface {
    /// The surface through values at points; `None` where there are fewer than three, or all lie on a line.
    pub(super) fn through(points: &[(f64, f64)], values: &[f64]) -> Option<Self> {
        let step = points.len().div_ceil(MOST).max(1);
        let points: Vec<(f64, f64)> = points.iter().copied().step_by(step).collect();
        let values: Vec<f64> = values.iter().copied().step_by(step).collect();
        let n = points.len();
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(n + 3);
        for (i, (point, value)) in points.iter().zip(&values).enumerate() {
            let bends =
                points.iter().enumerate().map(|(j, other)| bend(*point, *other) + if i == j { RIDGE } else { 0.0 });
            rows.push(bends.chain([1.0, point.0, point.1, *value]).collect());
        }
        for flat in [|_: (f64, f64)| 1.0, |point: (f64, f64)| point.0, |point: (f64, f64)| point.1] {
            rows.push(points.iter().map(|point| flat(*point)).chain([0.0; 4]).collect());
        }
        let solution = solve(rows)?;
        let (weights, plane) = solution.split_at(n);
        Some(Self { points, weights: weights.to_vec(), plane: plane.try_into().ok()? })
    }

    /// Its height.
    pub(super) fn at(&self, point: (f64, f64)) -> f64 {
        let bends: f64 =
            self.points.iter().zip(&self.weights).map(|(known, weight)| weight * bend(point, *known)).sum();
        self.plane[0] + self.plane[1] * point.0 + self.plane[2] * point.1 + bends
    }
}

/// r² log r
fn bend(one: (f64, f64), other: (f64, f64)) -> f64 {
    let (x, y) = (one.0 - other.0, one.1 - other.1);
    let square = x * x + y * y;
    if square > 0.0 { 0.5 * square * libm::log(square) } else { 0.0 }
}

/// Solves linear equations, each with its right side behind it; `None` where they have no one solution.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for column in 0..n {
        let pivot = (column..n).max_by(|a, b| rows[*a][column].abs().total_cmp(&rows[*b][column].abs()))?;
        if rows[pivot][column].abs() < 1e-9 {
            return None;
        }
        rows.swap(column, pivot);
        let (above, below) = rows.split_at_mut(column + 1);
        let lead = &above[column];
        for row in below {
            let factor = row[column] / lead[column];
            if factor != 0.0 {
                row[column..].iter_mut().zip(&lead[column..]).for_each(|(x, lead)| *x -= factor * lead);
            }
        }
    }
    let mut solution = vec![0.0; n];
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|column| rows[row][column] * solution[column]).sum();
        solution[row] = (rows[row][n] - known) / rows[row][row];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn grid(n: u8) -> Vec<(f64, f64)> {
        let part = |at: u8| f64::from(at) / f64::from(n - 1);
        (0..n).flat_map(|x| (0..n).map(move |y| (part(x), part(y)))).collect()
    }

    #[test]
    fn a_surface_goes_through_its_points_and_is_smooth_between_them() {
        let f = |(x, y): (f64, f64)| 0.5 - 0.3 * (x - 0.4) * (x - 0.4) + 0.2 * x * y;
        let points = grid(6);
        let values: Vec<f64> = points.iter().map(|point| f(*point)).collect();
        let surface = Surface::through(&points, &values).unwrap();
        for point in &points {
            assert!((surface.at(*point) - f(*point)).abs() < 1e-4);
        }
        for point in [(0.5, 0.5), (0.33, 0.71), (0.9, 0.1)] {
            assert!((surface.at(point) - f(point)).abs() < 5e-3, "{point:?}");
        }
    }

    #[test]
    fn a_plane_is_a_plane_and_points_on_a_line_have_no_surface() {
        let plane = Surface::through(&[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)], &[1.0, 2.0, 3.0]).unwrap();
        assert!((plane.at((1.0, 1.0)) - 4.0).abs() < 1e-6);
        assert!(Surface::through(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)], &[0.0; 3]).is_none());
        assert!(Surface::through(&[(0.0, 0.0), (1.0, 0.0)], &[0.0; 2]).is_none());
        let many = grid(40);
        assert!(
            Surface::through(&many, &vec![0.5; many.len()])
                .is_some_and(|flat| (flat.at((0.3, 0.3)) - 0.5).abs() < 1e-6)
        );
    }
}
