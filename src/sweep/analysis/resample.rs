//! Bootstrap intervals of many trials at once. All trials share the same draws, so each is computed once, and the interval
//! of a difference comes from the resampled means of both.

use rayon::prelude::*;

use super::statistics::{Draws, Strata, interval_of};

/// Number of trials whose sums are computed side by side.
const LANES: usize = 16;

/// Number of trials that share the draws of a round.
const GROUP: usize = 8 * LANES;

/// The 95 % interval of a trial's mean, and that of its difference from the baseline.
pub(super) type Intervals = (Option<(f64, f64)>, Option<(f64, f64)>);

/// The intervals of trials on an objective, in their order: those of [`Strata::interval`] and [`Strata::against`].
pub(super) fn intervals(trials: &[&Strata], baseline: &Strata) -> Vec<Intervals> {
    let shape = shape(baseline);
    let alike = |strata: &Strata| self::shape(strata) == shape;
    let fast: Vec<&Strata> = trials.iter().copied().filter(|strata| alike(strata)).collect();
    let mut found = match Draws::of(&baseline.0.iter().map(|values| finite(values).count()).collect::<Vec<_>>()) {
        // One lane of each group is the baseline's.
        Some(draws) => fast.chunks(GROUP - 1).flat_map(|group| of_group(&draws, group, baseline)).collect::<Vec<_>>(),
        None => vec![(None, None); fast.len()],
    }
    .into_iter();
    // A trial that lacks a query is compared over the queries that both have.
    let slow = |strata: &Strata| (strata.interval(), strata.against(baseline).map(|compared| compared.interval));
    trials.iter().map(|strata| if alike(strata) { found.next().unwrap_or_default() } else { slow(strata) }).collect()
}

fn finite(values: &[f64]) -> impl Iterator<Item = f64> {
    values.iter().copied().filter(|value| value.is_finite())
}

/// Which queries have values.
fn shape(strata: &Strata) -> Vec<Vec<bool>> {
    strata.0.iter().map(|values| values.iter().map(|value| value.is_finite()).collect()).collect()
}

fn of_group(draws: &Draws, group: &[&Strata], baseline: &Strata) -> Vec<Intervals> {
    let columns: Vec<Vec<f64>> = std::iter::once(&baseline)
        .chain(group)
        .map(|strata| strata.0.iter().flat_map(|values| finite(values)).collect())
        .collect();
    // Query by query, so that the trials of a block are adjacent.
    let block = |trials: &[Vec<f64>]| -> Vec<[f64; LANES]> {
        let row = |query: usize| std::array::from_fn(|lane| trials.get(lane).map_or(0.0, |values| values[query]));
        (0..columns[0].len()).map(row).collect()
    };
    let blocks: Vec<Vec<[f64; LANES]>> = columns.chunks(LANES).map(block).collect();
    let means: Vec<Vec<[f64; LANES]>> = (0..draws.resamples)
        .into_par_iter()
        .map_init(Vec::new, |places, resample| {
            draws.places(resample, places);
            blocks.iter().map(|rows| mean(draws, places, rows)).collect()
        })
        .collect();
    let column = |trial: usize| means.iter().map(move |of_blocks| of_blocks[trial / LANES][trial % LANES]);
    (1..columns.len())
        .into_par_iter()
        .map(|trial| {
            let differences = column(trial).zip(column(0)).map(|(own, base)| own - base);
            (Some(interval_of(draws, column(trial).collect())), Some(interval_of(draws, differences.collect())))
        })
        .collect()
}

/// The means of a resample, trial by trial: over data sets of the means over drawn queries.
fn mean(draws: &Draws, places: &[u32], rows: &[[f64; LANES]]) -> [f64; LANES] {
    let mut all = [0.0; LANES];
    let mut rest = places;
    for size in &draws.sizes {
        let (of_set, after) = rest.split_at(*size);
        rest = after;
        let mut sums = [0.0; LANES];
        for place in of_set {
            for (sum, value) in sums.iter_mut().zip(&rows[*place as usize]) {
                *sum += value;
            }
        }
        for (all, sum) in all.iter_mut().zip(sums) {
            *all += sum / *size as f64;
        }
    }
    all.map(|sum| sum / draws.sizes.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::draw;

    fn strata(sizes: &[usize], seed: u64) -> Strata {
        let value = |at: usize| (draw(seed, at as u64) >> 11) as f64 / (1_u64 << 53) as f64;
        Strata(
            sizes.iter().enumerate().map(|(set, size)| (0..*size).map(|at| value(1000 * set + at)).collect()).collect(),
        )
    }

    #[test]
    fn intervals_are_those_of_trials_alone() {
        for sizes in [[40].as_slice(), &[30, 7]] {
            let baseline = strata(sizes, 1);
            let mut trials: Vec<Strata> = (2..22).map(|seed| strata(sizes, seed)).collect();
            trials[3].0[0][5] = f64::NAN;
            let found = intervals(&trials.iter().collect::<Vec<_>>(), &baseline);
            assert_eq!(found.len(), trials.len());
            for (trial, (own, difference)) in trials.iter().zip(found).step_by(3) {
                assert_eq!(own, trial.interval());
                let (low, high) = difference.unwrap_or_default();
                let (expected_low, expected_high) = trial.against(&baseline).map_or((0.0, 0.0), |found| found.interval);
                assert!((low - expected_low).abs() < 1e-12 && (high - expected_high).abs() < 1e-12);
            }
        }
        assert_eq!(intervals(&[&Strata(vec![vec![]])], &Strata(vec![vec![]])), [(None, None)]);
    }
}
