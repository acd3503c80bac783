//! The optimiser: Adam, with a learning rate that falls along a cosine.

const DECAYS: (f64, f64) = (0.9, 0.99);
const EPSILON: f64 = 1e-12;

/// The share of the learning rate that is left at the end.
const LAST: f64 = 0.1;

/// The running means of gradients and of their squares.
#[derive(Debug)]
pub(super) struct Adam {
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Adam {
    pub(super) fn new(coefficients: usize) -> Self {
        Self { means: vec![0.0; coefficients], squares: vec![0.0; coefficients] }
    }

    /// What step number `step`, from 1, adds to each coefficient.
    pub(super) fn step(&mut self, gradient: &[f64], step: usize, rate: f64) -> Vec<f64> {
        let correction = |decay: f64| 1.0 - libm::pow(decay, step as f64);
        let corrections = (correction(DECAYS.0), correction(DECAYS.1));
        let moments = self.means.iter_mut().zip(&mut self.squares);
        moments
            .zip(gradient)
            .map(|((mean, square), gradient)| {
                *mean = DECAYS.0 * *mean + (1.0 - DECAYS.0) * gradient;
                *square = DECAYS.1 * *square + (1.0 - DECAYS.1) * gradient * gradient;
                -rate * (*mean / corrections.0) / ((*square / corrections.1).sqrt() + EPSILON)
            })
            .collect()
    }
}

/// The learning rate of a step, from 1.
pub(super) fn rate(rate: f64, step: usize, steps: usize) -> f64 {
    let share = (step.saturating_sub(1)) as f64 / steps.max(1) as f64;
    rate * (LAST + (1.0 - LAST) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quadratic_is_minimised() {
        let (mut adam, mut x) = (Adam::new(2), [3.0, -2.0]);
        for step in 1..=200 {
            let gradient = [2.0 * (x[0] - 1.0), 20.0 * (x[1] - 0.5)];
            let moved = adam.step(&gradient, step, rate(0.1, step, 200));
            x.iter_mut().zip(moved).for_each(|(x, by)| *x += by);
        }
        assert!((x[0] - 1.0).abs() < 0.01 && (x[1] - 0.5).abs() < 0.01, "{x:?}");
    }

    #[test]
    fn the_rate_falls_to_a_tenth() {
        assert!((rate(1.0, 1, 10) - 1.0).abs() < 1e-12);
        assert!(rate(1.0, 10, 10) < 0.15 && rate(1.0, 10, 10) > 0.1);
    }
}
