//! The covariance matrix adaptation evolution strategy (CMA-ES) in a cube: Hansen's tutorial (arXiv 1604.00772), with its
//! default settings, rank-one and rank-μ updates, and points outside the cube moved to its wall.

use super::random::normal;

/// The state of a strategy. It is deterministic: told the same, it asks the same.
#[derive(Clone, Debug)]
pub(super) struct Evolution {
    mean: Vec<f64>,
    sigma: f64,
    covariance: Vec<Vec<f64>>,
    path_sigma: Vec<f64>,
    path_c: Vec<f64>,
    /// Axes and lengths of the distribution.
    axes: Vec<Vec<f64>>,
    lengths: Vec<f64>,
    generation: u64,
    seed: u64,
    constants: Constants,
}

#[derive(Clone, Debug)]
struct Constants {
    population: usize,
    weights: Vec<f64>,
    mu_eff: f64,
    c_sigma: f64,
    d_sigma: f64,
    c_c: f64,
    c_1: f64,
    c_mu: f64,
    /// The expected length of a normal vector.
    chi: f64,
}

impl Constants {
    fn of(dimensions: usize) -> Self {
        let n = dimensions as f64;
        #[expect(clippy::cast_sign_loss, reason = "positive")]
        let population = 4 + (3.0 * libm::log(n)).floor().max(0.0) as usize;
        let mu = population / 2;
        let raw: Vec<f64> = (0..mu)
            .map(|rank| libm::log(f64::midpoint(population as f64, 1.0)) - libm::log(rank as f64 + 1.0))
            .collect();
        let sum: f64 = raw.iter().sum();
        let weights: Vec<f64> = raw.iter().map(|weight| weight / sum).collect();
        let mu_eff = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        let c_1 = 2.0 / ((n + 1.3) * (n + 1.3) + mu_eff);
        let c_mu = (2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0) * (n + 2.0) + mu_eff)).min(1.0 - c_1);
        Self {
            population,
            weights,
            mu_eff,
            c_sigma,
            d_sigma: 1.0 + 2.0 * (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma,
            c_c: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            c_1,
            c_mu,
            chi: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

impl Evolution {
    /// Starts in the middle of the cube, with a step of a sixth of its width.
    pub(super) fn new(dimensions: usize, seed: u64) -> Self {
        let identity: Vec<Vec<f64>> =
            (0..dimensions).map(|i| (0..dimensions).map(|j| f64::from(u8::from(i == j))).collect()).collect();
        Self {
            mean: vec![0.5; dimensions],
            sigma: 1.0 / 6.0,
            covariance: identity.clone(),
            path_sigma: vec![0.0; dimensions],
            path_c: vec![0.0; dimensions],
            axes: identity,
            lengths: vec![1.0; dimensions],
            generation: 0,
            seed,
            constants: Constants::of(dimensions),
        }
    }

    /// The points of the next generation, inside the cube.
    pub(super) fn ask(&self) -> Vec<Vec<f64>> {
        let n = self.mean.len();
        let point = |index: usize| {
            let at = (self.generation * self.constants.population as u64 + index as u64) * n as u64;
            let z: Vec<f64> = (0..n as u64).map(|k| normal(self.seed, at + k)).collect();
            let step = |i: usize| (0..n).map(|k| self.axes[i][k] * self.lengths[k] * z[k]).sum::<f64>();
            (0..n).map(|i| (self.mean[i] + self.sigma * step(i)).clamp(0.0, 1.0)).collect()
        };
        (0..self.constants.population).map(point).collect()
    }

    /// Updates the state with the points of a generation, the best first.
    pub(super) fn tell(&mut self, ranked: &[Vec<f64>]) {
        let (n, c) = (self.mean.len(), self.constants.clone());
        let old = self.mean.clone();
        let parents = ranked.get(..c.weights.len().min(ranked.len())).unwrap_or_default();
        if parents.len() < c.weights.len() {
            self.generation += 1;
            return;
        }
        let steps: Vec<Vec<f64>> =
            parents.iter().map(|x| x.iter().zip(&old).map(|(x, m)| (x - m) / self.sigma).collect()).collect();
        let mean_step: Vec<f64> =
            (0..n).map(|i| steps.iter().zip(&c.weights).map(|(step, weight)| weight * step[i]).sum()).collect();
        for (mean, step) in self.mean.iter_mut().zip(&mean_step) {
            *mean += self.sigma * step;
        }
        // The step in the coordinates in which the distribution is isotropic.
        let turned: Vec<f64> =
            (0..n).map(|k| (0..n).map(|i| self.axes[i][k] * mean_step[i]).sum::<f64>() / self.lengths[k]).collect();
        let round: Vec<f64> = (0..n).map(|i| (0..n).map(|k| self.axes[i][k] * turned[k]).sum()).collect();
        let gain = (c.c_sigma * (2.0 - c.c_sigma) * c.mu_eff).sqrt();
        for (path, step) in self.path_sigma.iter_mut().zip(&round) {
            *path = (1.0 - c.c_sigma) * *path + gain * step;
        }
        self.generation += 1;
        let length = self.path_sigma.iter().map(|x| x * x).sum::<f64>().sqrt();
        let settled = 1.0 - libm::pow(1.0 - c.c_sigma, 2.0 * self.generation as f64);
        let is_short = length / settled.sqrt() < (1.4 + 2.0 / (n as f64 + 1.0)) * c.chi;
        let gain = if is_short { (c.c_c * (2.0 - c.c_c) * c.mu_eff).sqrt() } else { 0.0 };
        for (path, step) in self.path_c.iter_mut().zip(&mean_step) {
            *path = (1.0 - c.c_c) * *path + gain * step;
        }
        let lost = if is_short { 0.0 } else { c.c_1 * c.c_c * (2.0 - c.c_c) };
        for i in 0..n {
            for j in 0..n {
                let rank_mu: f64 = steps.iter().zip(&c.weights).map(|(step, weight)| weight * step[i] * step[j]).sum();
                self.covariance[i][j] = (1.0 - c.c_1 - c.c_mu + lost) * self.covariance[i][j]
                    + c.c_1 * self.path_c[i] * self.path_c[j]
                    + c.c_mu * rank_mu;
            }
        }
        self.sigma *= libm::exp((c.c_sigma / c.d_sigma) * (length / c.chi - 1.0));
        self.sigma = self.sigma.clamp(1e-4, 0.5);
        (self.axes, self.lengths) = eigen(&self.covariance);
    }
}

/// The eigenvectors of a symmetric matrix, in columns, and the roots of its eigenvalues, by Jacobi's rotations.
fn eigen(matrix: &[Vec<f64>]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let n = matrix.len();
    let mut a: Vec<Vec<f64>> =
        (0..n).map(|i| (0..n).map(|j| f64::midpoint(matrix[i][j], matrix[j][i])).collect()).collect();
    let mut v: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    for _ in 0..60 {
        let off: f64 = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| a[i][j] * a[i][j]).sum();
        if off < 1e-24 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q].abs() < 1e-300 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cos = 1.0 / (t * t + 1.0).sqrt();
                let sin = t * cos;
                for row in &mut a {
                    let (x, y) = (row[p], row[q]);
                    (row[p], row[q]) = (cos * x - sin * y, sin * x + cos * y);
                }
                let (above, below) = a.split_at_mut(q);
                for (x, y) in above[p].iter_mut().zip(&mut below[0]) {
                    (*x, *y) = (cos * *x - sin * *y, sin * *x + cos * *y);
                }
                for row in &mut v {
                    let (x, y) = (row[p], row[q]);
                    (row[p], row[q]) = (cos * x - sin * y, sin * x + cos * y);
                }
            }
        }
    }
    let lengths = (0..n).map(|i| a[i][i].max(1e-20).sqrt()).collect();
    (v, lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The best value after so many generations.
    fn minimise(f: impl Fn(&[f64]) -> f64, dimensions: usize, generations: usize) -> f64 {
        let mut strategy = Evolution::new(dimensions, 3);
        let mut best = f64::INFINITY;
        for _ in 0..generations {
            let mut points = strategy.ask();
            points.sort_by(|a, b| f(a).total_cmp(&f(b)));
            best = best.min(f(&points[0]));
            strategy.tell(&points);
        }
        best
    }

    #[test]
    fn the_bottom_of_bowls_is_found() {
        let target = [0.2, 0.9, 0.4, 0.6, 0.5];
        let sphere = |x: &[f64]| x.iter().zip(target).map(|(x, t)| (x - t) * (x - t)).sum::<f64>();
        assert!(minimise(sphere, 5, 80) < 1e-5);
        // A long narrow valley that lies across the axes.
        let valley = |x: &[f64]| {
            let (u, v) = (x[0] + x[1] - 1.2, x[0] - x[1] - 0.2);
            u * u + 1000.0 * v * v
        };
        assert!(minimise(valley, 2, 120) < 1e-5);
        let wall = |x: &[f64]| (x[0] - 1.5) * (x[0] - 1.5) + x[1] * x[1];
        assert!(minimise(wall, 2, 40) < 0.2501);
    }

    #[test]
    fn eigenvectors_take_a_matrix_apart() {
        let matrix = vec![vec![4.0, 1.0, 0.5], vec![1.0, 3.0, -0.2], vec![0.5, -0.2, 2.0]];
        let (v, lengths) = eigen(&matrix);
        for i in 0..3 {
            for j in 0..3 {
                let back: f64 = (0..3).map(|k| v[i][k] * lengths[k] * lengths[k] * v[j][k]).sum();
                assert!((back - matrix[i][j]).abs() < 1e-9);
            }
        }
    }
}
