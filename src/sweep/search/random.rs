//! Random numbers as functions of a seed and a place in a sequence.

use crate::eval::draw;

/// The number between 0 and 1 at a place of a sequence.
pub(super) fn uniform(seed: u64, index: u64) -> f64 {
    ((draw(seed, index) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// The normally distributed number at a place of a sequence, by Box and Muller.
pub(super) fn normal(seed: u64, index: u64) -> f64 {
    (-2.0 * libm::log(uniform(seed, 2 * index))).sqrt()
        * libm::cos(2.0 * std::f64::consts::PI * uniform(seed, 2 * index + 1))
}

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    seed: u64,
    next: u64,
}

impl Draws {
    /// The sequence of a seed for a purpose.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self { seed: draw(seed, purpose), next: 0 }
    }

    pub(super) fn uniform(&mut self) -> f64 {
        self.next += 2;
        uniform(self.seed, self.next)
    }

    pub(super) fn normal(&mut self) -> f64 {
        self.next += 2;
        normal(self.seed, self.next / 2)
    }

    /// One of the numbers below `count`.
    pub(super) fn index(&mut self, count: usize) -> usize {
        #[expect(clippy::cast_sign_loss, reason = "not negative")]
        let index = (self.uniform() * count as f64) as usize;
        index.min(count.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_are_normal() {
        let values: Vec<f64> = (0..20_000).map(|index| normal(1, index)).collect();
        let mean = values.iter().sum::<f64>() / 2e4;
        let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 2e4;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }
}
