//! Objectives over data sets: means in which each data set weighs the same, and their paired comparison.

use crate::eval::{BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED, bootstrap_interval, draw, percentile, randomisation_p};
use crate::sweep::Error;
use crate::sweep::study::{Manifest, PerQuery, Store, TrialResult};

/// The values of the queries of an objective's data sets, one list for each data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strata(pub Vec<Vec<f64>>);

/// A comparison of two trials over the queries of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The mean of the differences.
    pub difference: f64,
    /// Its 95 % bootstrap interval, drawn within data sets.
    pub interval: (f64, f64),
    /// The p-value of a two-sided paired randomisation test within data sets.
    pub p: f64,
}

/// Resamples of an interval over several data sets.
const RESAMPLES: u64 = 2000;
const SEED: u64 = 0x5eed_0003;

impl Strata {
    /// The mean over data sets of the means over queries; `None` where a data set has no value.
    pub fn mean(&self) -> Option<f64> {
        let means: Option<Vec<f64>> = self.0.iter().map(|values| mean(values)).collect();
        mean(&means?)
    }

    /// The 95 % bootstrap interval of the mean, drawn within data sets.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let strata: Vec<Vec<f64>> = self.0.iter().map(|values| finite(values)).collect();
        stratified_interval(&strata)
    }

    /// The differences of the queries that both have.
    fn less(&self, other: &Self) -> Option<Vec<Vec<f64>>> {
        let fits = self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.len() == b.len());
        let difference = |(a, b): (&f64, &f64)| {
            let difference = a - b;
            // Smaller differences are rounding errors.
            if difference.abs() > 1e-12 { difference } else { 0.0 }
        };
        let of_set = |(a, b): (&Vec<f64>, &Vec<f64>)| finite(&a.iter().zip(b).map(difference).collect::<Vec<_>>());
        fits.then(|| self.0.iter().zip(&other.0).map(of_set).collect())
    }

    /// Compares with another trial on the same queries.
    pub fn against(&self, baseline: &Self) -> Option<Comparison> {
        let differences = self.less(baseline)?;
        Some(Comparison {
            difference: Strata(differences.clone()).mean()?,
            interval: stratified_interval(&differences)?,
            p: p_value(&differences),
        })
    }

    /// The p-value of the comparison alone, and the difference.
    pub fn test(&self, baseline: &Self) -> Option<(f64, f64)> {
        let differences = self.less(baseline)?;
        Some((Strata(differences.clone()).mean()?, p_value(&differences)))
    }

    /// The standard error of the mean difference from another trial.
    pub fn error(&self, baseline: &Self) -> Option<f64> {
        let differences = self.less(baseline)?;
        let variance = |values: &Vec<f64>| {
            let (count, mean) = (values.len() as f64, mean(values)?);
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            (count > 1.0).then(|| squares / (count - 1.0) / count)
        };
        let variances: Option<Vec<f64>> = differences.iter().map(variance).collect();
        let count = differences.len() as f64;
        Some((variances?.iter().sum::<f64>()).sqrt() / count)
    }
}

/// Flips signs query by query, with each query's weight in the mean of means.
fn p_value(differences: &[Vec<f64>]) -> f64 {
    let weighted = differences.iter().flat_map(|values| values.iter().map(|value| value / values.len() as f64));
    randomisation_p(&weighted.collect::<Vec<_>>())
}

fn mean(values: &[f64]) -> Option<f64> {
    let values = values.iter().filter(|value| value.is_finite());
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}

fn stratified_interval(strata: &[Vec<f64>]) -> Option<(f64, f64)> {
    if let [only] = strata {
        return bootstrap_interval(only);
    }
    let draws = Draws::of(&strata.iter().map(Vec::len).collect::<Vec<_>>())?;
    let values = strata.concat();
    let mut places = Vec::new();
    let mut resample = |resample: u64| {
        draws.places(resample, &mut places);
        let mut rest = places.as_slice();
        let mut sum = 0.0;
        for size in &draws.sizes {
            let (of_set, after) = rest.split_at(*size);
            rest = after;
            let drawn = of_set.iter().map(|place| values.get(*place as usize).copied().unwrap_or_default());
            sum += drawn.fold(0.0, |sum, value| sum + value) / *size as f64;
        }
        sum / draws.sizes.len() as f64
    };
    let means = (0..draws.resamples).map(&mut resample).collect();
    Some(interval_of(&draws, means))
}

/// What a bootstrap draws, for data sets of these sizes.
pub(super) struct Draws {
    /// The number of resamples.
    pub(super) resamples: u64,
    /// The queries of each data set.
    pub(super) sizes: Vec<usize>,
    seed: u64,
}

impl Draws {
    /// One data set has the draws of [`bootstrap_interval`]. `None` without queries.
    pub(super) fn of(sizes: &[usize]) -> Option<Self> {
        if sizes.is_empty() || sizes.contains(&0) {
            return None;
        }
        let (resamples, seed) =
            if sizes.len() == 1 { (BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED) } else { (RESAMPLES, SEED) };
        Some(Self { resamples, sizes: sizes.to_vec(), seed })
    }

    /// The indices of a resample's queries among those of all data sets, data set by data set.
    pub(super) fn places(&self, resample: u64, places: &mut Vec<u32>) {
        places.clear();
        let total: u64 = self.sizes.iter().map(|size| *size as u64).sum();
        let (mut at, mut start) = (resample * total, 0);
        for size in &self.sizes {
            let size = *size as u64;
            // The upper half of the product is a uniform integer below `size`.
            let drawn =
                (at..at + size).map(|at| start + ((u128::from(draw(self.seed, at)) * u128::from(size)) >> 64) as u32);
            places.extend(drawn);
            at += size;
            start += size as u32;
        }
    }
}

/// The bounds of 95 % of the means of resamples.
pub(super) fn interval_of(draws: &Draws, mut means: Vec<f64>) -> (f64, f64) {
    means.sort_unstable_by(f64::total_cmp);
    if draws.sizes.len() == 1 {
        return (percentile(&means, 25), percentile(&means, 975));
    }
    let at = |share: f64| {
        #[expect(clippy::cast_sign_loss, reason = "a share of the number of resamples")]
        let place = (share * (RESAMPLES - 1) as f64).round() as usize;
        means.get(place).copied().unwrap_or_default()
    };
    (at(0.025), at(0.975))
}

impl Manifest {
    /// The values of an objective's queries.
    pub fn strata(&self, objective: usize, values: &PerQuery) -> Strata {
        let metric = self.spec.objectives.get(objective).map(|objective| objective.metric);
        let place = self.metrics().iter().position(|known| Some(*known) == metric).unwrap_or_default();
        let of_set = |set: &usize| values.sets.get(*set)?.metrics.get(place).cloned();
        let sets = self.objectives.get(objective).map(Vec::as_slice).unwrap_or_default();
        Strata(sets.iter().map(|set| of_set(set).unwrap_or_default()).collect())
    }

    /// The values of all objectives of a trial at a stage.
    ///
    /// # Errors
    /// A file that is missing or damaged.
    pub fn all_strata(&self, store: &Store, key: &str) -> Result<Vec<Strata>, Error> {
        let values = store.per_query(key)?;
        Ok((0..self.spec.objectives.len()).map(|objective| self.strata(objective, &values)).collect())
    }

    /// The objectives of a trial, from its means; `None` where one has no value.
    pub fn objectives_of(&self, done: &TrialResult) -> Option<Vec<f64>> {
        let objective = |(objective, sets): (&crate::sweep::file::Objective, &Vec<usize>)| {
            let metric = objective.metric.to_string();
            let of_set = |set: &usize| done.sets.get(*set)?.means.get(&metric).copied().flatten();
            let means: Option<Vec<f64>> = sets.iter().map(of_set).collect();
            mean(&means?)
        };
        self.spec.objectives.iter().zip(&self.objectives).map(objective).collect()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn data_sets_weigh_the_same_whatever_their_size() {
        let strata = Strata(vec![vec![1.0, 0.0], vec![0.2; 100]]);
        assert!((strata.mean().unwrap() - 0.35).abs() < 1e-12);
        assert_eq!(Strata(vec![vec![], vec![1.0]]).mean(), None);
        assert_eq!(Strata(vec![vec![f64::NAN, 0.5]]).mean(), Some(0.5));
    }

    #[test]
    fn one_data_set_gives_the_numbers_of_the_plain_test() {
        let (a, b) = (vec![0.1, 0.5, 0.9, 0.3], vec![0.2, 0.5, 1.0, 0.1]);
        let plain = crate::eval::paired(&a, &b).unwrap();
        let found = Strata(vec![b]).against(&Strata(vec![a])).unwrap();
        assert!((found.difference - plain.difference).abs() < 1e-15);
        assert_eq!((found.p, found.interval), (plain.p, plain.interval));
    }

    #[test]
    fn a_clear_gain_in_every_set_is_found_and_noise_is_not() {
        let value = |index: u64| (draw(1, index) >> 11) as f64 / (1_u64 << 53) as f64;
        let base: Vec<Vec<f64>> = (0..2).map(|set| (0..200).map(|q| value(set * 200 + q) * 0.5).collect()).collect();
        let better: Vec<Vec<f64>> =
            base.iter().map(|values| values.iter().map(|value| value + 0.1).collect()).collect();
        let shuffled: Vec<Vec<f64>> = base.iter().map(|values| values.iter().rev().copied().collect()).collect();
        let (base, better, shuffled) = (Strata(base), Strata(better), Strata(shuffled));
        let gain = better.against(&base).unwrap();
        assert!(gain.p < 0.001 && (gain.difference - 0.1).abs() < 1e-9);
        assert!((gain.interval.0 - 0.1).abs() < 1e-9 && (gain.interval.1 - 0.1).abs() < 1e-9);
        assert!(shuffled.against(&base).unwrap().p > 0.5);
        assert!(base.error(&base).unwrap() < 1e-12);
        assert!((shuffled.error(&base).unwrap() - 0.0102).abs() < 0.002, "{:?}", shuffled.error(&base));
    }
}
