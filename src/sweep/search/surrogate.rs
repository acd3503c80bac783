//! A model of one objective: a Gaussian process with a Matérn kernel (ν = 5/2), whose few settings are those of a small grid under which
//! the results are most likely.

use super::coordinates::Coordinates;

/// Lengths over which an objective changes, in unit coordinates of whole variables.
const LENGTHS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// How much differences between groups count beside those of whole variables.
const DEVIATIONS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// Variances of what the model cannot explain, beside a variance of 1.
const NOISES: [f64; 3] = [1e-5, 1e-3, 3e-2];

/// How unlikely settings are that differ from 1 by a factor of e: without it, few results allow any.
const PRIOR: f64 = 0.5;

/// A model of one objective.
#[derive(Clone, Debug)]
pub(super) struct Surrogate<'a> {
    coordinates: &'a Coordinates,
    length: f64,
    deviation: f64,
    noise: f64,
    points: Vec<Vec<f64>>,
    /// Results, standardised.
    values: Vec<f64>,
    /// The lower triangle whose product with its transpose is the covariance matrix.
    factor: Vec<Vec<f64>>,
    /// The inverse of the covariance matrix times the values.
    weights: Vec<f64>,
    /// The variance of the process, in standardised units.
    variance: f64,
    /// The mean of the results and their standard deviation.
    scale: (f64, f64),
}

impl<'a> Surrogate<'a> {
    /// Fits a model to the results at unit coordinates.
    pub(super) fn fit(coordinates: &'a Coordinates, units: &[Vec<f64>], results: &[f64]) -> Option<Self> {
        let count = results.len().max(1) as f64;
        let mean = results.iter().sum::<f64>() / count;
        let variance = results.iter().map(|result| (result - mean) * (result - mean)).sum::<f64>() / count;
        let scale = (mean, variance.sqrt().max(1e-9));
        let values: Vec<f64> = results.iter().map(|result| (result - scale.0) / scale.1).collect();
        let grouped = coordinates.blocks.iter().any(|block| block.len() > 1);
        let deviations: &[f64] = if grouped { &DEVIATIONS } else { &[1.0] };
        let mut best: Option<(f64, Self)> = None;
        for deviation in deviations {
            let points: Vec<Vec<f64>> = units.iter().map(|unit| coordinates.scaled(unit, *deviation)).collect();
            for length in LENGTHS {
                for noise in NOISES {
                    let model = Self {
                        coordinates,
                        length,
                        deviation: *deviation,
                        noise,
                        points: points.clone(),
                        values: values.clone(),
                        factor: Vec::new(),
                        weights: Vec::new(),
                        variance: 1.0,
                        scale,
                    };
                    let Some(model) = model.solved() else { continue };
                    let likelihood = model.likelihood();
                    if best.as_ref().is_none_or(|(known, _)| likelihood > *known) {
                        best = Some((likelihood, model));
                    }
                }
            }
        }
        best.map(|(_, model)| model)
    }

    /// The model after another result, with the same settings.
    pub(super) fn with(&self, unit: &[f64], result: f64) -> Option<Self> {
        let mut model = self.clone();
        model.points.push(self.coordinates.scaled(unit, self.deviation));
        model.values.push((result - self.scale.0) / self.scale.1);
        let variance = self.variance;
        model.solved().map(|model| Self { variance, ..model })
    }

    /// The mean and the standard deviation of what is expected at unit coordinates.
    pub(super) fn predict(&self, unit: &[f64]) -> (f64, f64) {
        let at = self.coordinates.scaled(unit, self.deviation);
        let near: Vec<f64> = self.points.iter().map(|point| self.kernel(&at, point)).collect();
        let mean: f64 = near.iter().zip(&self.weights).map(|(near, weight)| near * weight).sum();
        let explained: f64 = forward(&self.factor, &near).iter().map(|value| value * value).sum();
        let deviation = (self.variance * (1.0 - explained).max(1e-9)).sqrt();
        (self.scale.0 + self.scale.1 * mean, self.scale.1 * deviation)
    }

    fn kernel(&self, one: &[f64], other: &[f64]) -> f64 {
        let square: f64 = one.iter().zip(other).map(|(one, other)| (one - other) * (one - other)).sum();
        let distance = (5.0 * square).sqrt() / self.length;
        (1.0 + distance + distance * distance / 3.0) * libm::exp(-distance)
    }

    fn solved(mut self) -> Option<Self> {
        let count = self.points.len();
        let mut covariance: Vec<Vec<f64>> = Vec::with_capacity(count);
        for (row, one) in self.points.iter().enumerate() {
            let mut line: Vec<f64> = self.points.iter().take(row + 1).map(|other| self.kernel(one, other)).collect();
            if let Some(last) = line.last_mut() {
                *last += self.noise;
            }
            covariance.push(line);
        }
        self.factor = cholesky(covariance)?;
        let half = forward(&self.factor, &self.values);
        self.weights = backward(&self.factor, &half);
        let explained: f64 = half.iter().map(|value| value * value).sum();
        self.variance = explained / count.max(1) as f64;
        Some(self)
    }

    /// The logarithm of the likelihood of the results and of the settings.
    fn likelihood(&self) -> f64 {
        let count = self.points.len() as f64;
        let determinant: f64 =
            self.factor.iter().filter_map(|line| line.last()).map(|value| libm::log(*value)).sum::<f64>();
        let square = |value: f64| libm::log(value) * libm::log(value);
        let settings = PRIOR * (square(self.length) + square(self.deviation));
        -0.5 * count * libm::log(self.variance.max(1e-12)) - determinant - settings
    }
}

/// The lower triangle whose product with its transpose is a symmetric matrix, of which the lower triangle is given.
fn cholesky(mut matrix: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    for row in 0..matrix.len() {
        let (above, below) = matrix.split_at_mut(row);
        let line = below.first_mut()?;
        for (column, known) in above.iter().enumerate() {
            let sum: f64 = line.iter().zip(known).take(column).map(|(one, other)| one * other).sum();
            let pivot = *known.get(column)?;
            let value = line.get_mut(column)?;
            *value = (*value - sum) / pivot;
        }
        let sum: f64 = line.iter().take(row).map(|value| value * value).sum();
        let last = line.get_mut(row)?;
        let rest = *last - sum;
        if rest <= 0.0 || !rest.is_finite() {
            return None;
        }
        *last = rest.sqrt();
    }
    Some(matrix)
}

/// The solution of a lower triangle.
fn forward(factor: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let mut solved: Vec<f64> = Vec::with_capacity(values.len());
    for (line, value) in factor.iter().zip(values) {
        let sum: f64 = line.iter().zip(&solved).map(|(one, other)| one * other).sum();
        solved.push((value - sum) / line.last().copied().unwrap_or(1.0));
    }
    solved
}

/// The solution of the transpose of a lower triangle.
fn backward(factor: &[Vec<f64>], values: &[f64]) -> Vec<f64> {
    let mut solved = values.to_vec();
    for row in (0..factor.len()).rev() {
        let (Some(line), Some(value)) = (factor.get(row), solved.get(row)) else { continue };
        let value = value / line.last().copied().unwrap_or(1.0);
        for (above, factor) in solved.iter_mut().zip(line).take(row) {
            *above -= factor * value;
        }
        if let Some(own) = solved.get_mut(row) {
            *own = value;
        }
    }
    solved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::space::{Axis, Space};

    #[test]
    fn a_smooth_curve_is_met_where_it_is_known_and_between() {
        let axis = Axis::Range { name: "w".into(), min: 0.0, max: 1.0, step: None };
        let coordinates = Coordinates::of(&Space { axes: vec![axis] });
        let curve = |x: f64| 0.4 + 0.5 * x - 0.3 * x * x;
        let units: Vec<Vec<f64>> = [0.0, 0.2, 0.45, 0.7, 1.0].iter().map(|x| vec![*x]).collect();
        let results: Vec<f64> = units.iter().map(|unit| curve(unit[0])).collect();
        let Some(model) = Surrogate::fit(&coordinates, &units, &results) else { panic!("no model") };
        for x in [0.0, 0.1, 0.33, 0.6, 0.85] {
            let (mean, deviation) = model.predict(&[x]);
            assert!((mean - curve(x)).abs() < 2e-3 && deviation < 0.02, "{x}: {mean} ± {deviation}");
        }
        let Some(told) = model.with(&[0.5], 0.9) else { panic!("no model") };
        assert!(told.predict(&[0.5]).0 > model.predict(&[0.5]).0 + 0.05);
    }

    #[test]
    fn triangles_are_solved() {
        let matrix = vec![vec![4.0], vec![1.0, 3.0], vec![0.5, -0.2, 2.0]];
        let Some(factor) = cholesky(matrix) else { panic!("no factor") };
        let solved = backward(&factor, &forward(&factor, &[1.0, 2.0, 3.0]));
        let full = [[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]];
        for (line, value) in full.iter().zip([1.0, 2.0, 3.0]) {
            let back: f64 = line.iter().zip(&solved).map(|(one, other)| one * other).sum();
            assert!((back - value).abs() < 1e-12, "{back}");
        }
        assert!(cholesky(vec![vec![1.0], vec![2.0, 1.0]]).is_none());
    }
}
