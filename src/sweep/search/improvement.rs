//! By how much a point is expected to enlarge the volume under the Pareto front.
//!
//! The volume is the mean, over directions from a point below the front, of a power of how far the front reaches in that direction (Golovin
//! and Zhang, arXiv 2006.04655). It is so for any number of objectives.

use super::random::Draws;
use super::surrogate::Surrogate;

/// Directions over which the mean is taken.
const DIRECTIONS: usize = 48;

/// Results that are drawn of each point.
const SAMPLES: usize = 24;

/// How far below the front the volume begins, as a share of the front's width.
const MARGIN: f64 = 0.1;

/// How much the gain of the optimistic result counts beside the expected gain: it decides where no sample gains.
const OPTIMISM: f64 = 1e-3;

/// The volume under a front.
#[derive(Clone, Debug)]
pub(super) struct Volume {
    /// Where it begins.
    lowest: Vec<f64>,
    /// The width of the front in each objective.
    width: Vec<f64>,
    directions: Vec<Vec<f64>>,
    /// How far the front reaches in each direction.
    reach: Vec<f64>,
    /// Normally distributed numbers, one for each objective.
    samples: Vec<Vec<f64>>,
}

impl Volume {
    /// The volume under the Pareto front of results.
    pub(super) fn under(front: &[Vec<f64>], objectives: usize, draws: &mut Draws) -> Self {
        let of = |index: usize| front.iter().filter_map(move |values| values.get(index).copied());
        let (mut lowest, mut width) = (Vec::new(), Vec::new());
        for index in 0..objectives {
            let (low, high) = (of(index).fold(f64::INFINITY, f64::min), of(index).fold(f64::NEG_INFINITY, f64::max));
            let range = if high > low { high - low } else { high.abs().max(1e-3) * 0.1 };
            width.push(range);
            lowest.push(low - MARGIN * range);
        }
        let directions = (0..DIRECTIONS).map(|index| direction(index, objectives, draws)).collect();
        let samples = (0..SAMPLES).map(|_| (0..objectives).map(|_| draws.normal()).collect()).collect();
        let mut volume = Self { lowest, width, directions, reach: vec![0.0; DIRECTIONS], samples };
        front.iter().for_each(|values| volume.add(values));
        volume
    }

    /// Adds a result to the front.
    pub(super) fn add(&mut self, values: &[f64]) {
        let reached: Vec<f64> = self.directions.iter().map(|direction| self.reach(values, direction)).collect();
        for (reach, reached) in self.reach.iter_mut().zip(reached) {
            *reach = reach.max(reached);
        }
    }

    fn reach(&self, values: &[f64], direction: &[f64]) -> f64 {
        let each = values.iter().zip(&self.lowest).zip(&self.width).zip(direction);
        let least = each
            .map(|(((value, lowest), width), part)| ((value - lowest) / width).max(0.0) / part)
            .fold(f64::INFINITY, f64::min);
        (0..direction.len()).fold(1.0, |power, _| power * least)
    }

    fn gain(&self, values: &[f64]) -> f64 {
        let each = self.directions.iter().zip(&self.reach);
        each.map(|(direction, reach)| (self.reach(values, direction) - reach).max(0.0)).sum::<f64>()
            / self.directions.len().max(1) as f64
    }

    /// The expected gain at unit coordinates.
    pub(super) fn expected(&self, models: &[Surrogate<'_>], unit: &[f64]) -> f64 {
        let expected: Vec<(f64, f64)> = models.iter().map(|model| model.predict(unit)).collect();
        let at = |sample: &dyn Fn(usize) -> f64| -> Vec<f64> {
            expected.iter().enumerate().map(|(index, (mean, deviation))| mean + deviation * sample(index)).collect()
        };
        let gains =
            self.samples.iter().map(|sample| self.gain(&at(&|index| sample.get(index).copied().unwrap_or(0.0))));
        gains.sum::<f64>() / self.samples.len().max(1) as f64 + OPTIMISM * self.gain(&at(&|_| 2.0))
    }
}

/// A direction with positive parts: evenly spread for two objectives, random for more.
fn direction(index: usize, objectives: usize, draws: &mut Draws) -> Vec<f64> {
    let parts: Vec<f64> = if objectives == 2 {
        let angle = (index as f64 + 0.5) / DIRECTIONS as f64 * std::f64::consts::FRAC_PI_2;
        vec![libm::cos(angle), libm::sin(angle)]
    } else {
        (0..objectives).map(|_| draws.normal().abs()).collect()
    };
    let length = parts.iter().map(|part| part * part).sum::<f64>().sqrt().max(1e-9);
    parts.iter().map(|part| (part / length).max(1e-3)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_over_directions_is_proportional_to_the_area() {
        // The area above (−0.1, −0.1) under steps; a quarter of a circle's 4/π times the mean over directions.
        let front = [vec![0.0, 1.0], vec![0.6, 0.7], vec![1.0, 0.0]];
        let volume = Volume::under(&front, 2, &mut Draws::new(1, 2));
        let mean = volume.reach.iter().sum::<f64>() / volume.reach.len() as f64;
        let area = 0.1 * 1.1 + 0.6 * 0.8 + 0.4 * 0.1;
        assert!((mean * std::f64::consts::FRAC_PI_4 - area).abs() < 0.02, "{mean}");
        assert!(volume.gain(&[0.5, 0.6]) < 1e-12);
        assert!(volume.gain(&[0.9, 0.7]) > 0.2 && volume.gain(&[0.9, 0.9]) > volume.gain(&[0.9, 0.7]));
    }
}
