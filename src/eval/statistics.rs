//! Tests whether a difference between two retrievers is more than chance.
//!
//! Random numbers come from counters with a fixed seed, so the same values give the same results everywhere.

/// Differences up to this are rounding errors and count as none.
const NOTHING: f64 = 1e-12;

/// Up to this number of differing queries, every permutation is computed.
const EXACT: usize = 20;

/// The number of permutations that are drawn when there are too many to compute all.
const PERMUTATIONS: u64 = 10_000;

/// Number of permutations whose sums are computed side by side; divides [`PERMUTATIONS`].
const LANES: usize = 16;

/// Number of resamples of a bootstrap interval.
pub(crate) const BOOTSTRAP_RESAMPLES: u64 = 10_000;

const PERMUTATION_SEED: u64 = 0x5eed_0001;
pub(crate) const BOOTSTRAP_SEED: u64 = 0x5eed_0002;

/// A comparison of a candidate with a baseline over the queries of both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// The number of queries.
    pub queries: usize,
    /// The mean of candidate minus baseline.
    pub difference: f64,
    /// The bounds of its 95 % interval: see [`bootstrap_interval`].
    pub interval: (f64, f64),
    /// The probability of a difference at least this large by chance: see [`randomisation_p`].
    pub p: f64,
    /// Number of queries in which the candidate is better.
    pub wins: usize,
    /// Number of queries in which both are equal.
    pub ties: usize,
    /// Number of queries in which the candidate is worse.
    pub losses: usize,
}

/// Compares two systems by their values for the same queries in the same order; `None` without queries, or when the
/// numbers of values differ.
pub fn paired(baseline: &[f64], candidate: &[f64]) -> Option<Paired> {
    if baseline.len() != candidate.len() {
        return None;
    }
    let difference = |(a, b): (&f64, &f64)| {
        let difference = b - a;
        if difference.abs() > NOTHING { difference } else { 0.0 }
    };
    let differences: Vec<f64> = baseline.iter().zip(candidate).map(difference).collect();
    let interval = bootstrap_interval(&differences)?;
    let count = |sign: fn(f64) -> bool| differences.iter().filter(|difference| sign(**difference)).count();
    let (wins, losses) = (count(|difference| difference > 0.0), count(|difference| difference < 0.0));
    Some(Paired {
        queries: differences.len(),
        difference: sum(&differences) / differences.len() as f64,
        interval,
        p: randomisation_p(&differences),
        wins,
        ties: differences.len() - wins - losses,
        losses,
    })
}

/// The two-sided p-value of a paired randomisation test: the share of the ways to swap the two systems, query by query,
/// that make the mean difference at least as large as it is.
///
/// Queries without a difference have no effect and are left out. With at most 20 others every way is computed; with more,
/// 10,000 are drawn, and the observed one counts as one of them, so that p is never 0.
pub fn randomisation_p(differences: &[f64]) -> f64 {
    let differing: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let all = sum(&differing.iter().map(|difference| difference.abs()).collect::<Vec<_>>());
    // Sums of the same numbers in another order differ by rounding.
    let threshold = sum(&differing).abs() - all * NOTHING;
    if differing.len() <= EXACT { exact_p(&differing, threshold) } else { drawn_p(&differing, threshold) }
}

/// Computes every way: the sums of all ways of each half, and all pairs of them.
fn exact_p(differences: &[f64], threshold: f64) -> f64 {
    let (left, right) = differences.split_at(differences.len() / 2);
    let (left, right) = (signed_sums(left), signed_sums(right));
    let extreme = |one: &f64| right.iter().filter(|other| (one + **other).abs() >= threshold).count();
    let count: usize = left.iter().map(extreme).sum();
    count as f64 / (left.len() * right.len()) as f64
}

fn signed_sums(differences: &[f64]) -> Vec<f64> {
    differences
        .iter()
        .fold(vec![0.0], |sums, difference| sums.iter().flat_map(|sum| [sum + difference, sum - difference]).collect())
}

fn drawn_p(differences: &[f64], threshold: f64) -> f64 {
    let words = differences.len().div_ceil(64) as u64;
    // Several sums are computed side by side, because a single one waits for each of its additions.
    let extreme = |first: u64| {
        let mut totals = [0.0_f64; LANES];
        for (word, chunk) in (0..).zip(differences.chunks(64)) {
            let mut signs: [u64; LANES] =
                std::array::from_fn(|lane| draw(PERMUTATION_SEED, (first + lane as u64) * words + word));
            for difference in chunk {
                for (total, signs) in totals.iter_mut().zip(&mut signs) {
                    *total += f64::from_bits(difference.to_bits() ^ (*signs << 63));
                    *signs >>= 1;
                }
            }
        }
        totals.iter().filter(|total| total.abs() >= threshold).count()
    };
    let count: usize = (0..PERMUTATIONS / LANES as u64).map(|group| extreme(group * LANES as u64)).sum();
    (count + 1) as f64 / (PERMUTATIONS + 1) as f64
}

/// The 95 % percentile bootstrap interval of the mean: from the 2.5th to the 97.5th percentile (interpolated between
/// neighbours) of the means of 10,000 resamples; `None` without values.
pub fn bootstrap_interval(values: &[f64]) -> Option<(f64, f64)> {
    let size = values.len() as u64;
    let mean = |resample: u64| {
        let draws = (0..size).map(|index| {
            let random = draw(BOOTSTRAP_SEED, resample * size + index);
            // The upper half of the product is a uniform integer below `size`.
            let place = (u128::from(random) * u128::from(size)) >> 64;
            values.get(place as usize).copied().unwrap_or_default()
        });
        draws.fold(0.0, |sum, value| sum + value) / size as f64
    };
    if values.is_empty() {
        return None;
    }
    let mut means: Vec<f64> = (0..BOOTSTRAP_RESAMPLES).map(mean).collect();
    means.sort_unstable_by(f64::total_cmp);
    Some((percentile(&means, 25), percentile(&means, 975)))
}

/// The value below which this many thousandths of the values are.
pub(crate) fn percentile(sorted: &[f64], thousandths: usize) -> f64 {
    let place = thousandths * sorted.len().saturating_sub(1);
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or_default();
    let (below, above) = (at(place / 1000), at(place / 1000 + 1));
    below + (above - below) * (place % 1000) as f64 / 1000.0
}

/// Holm's correction of the p-values of several candidates against the same baseline, which bounds the probability of any
/// false positive by the significance level.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> = p.iter().copied().enumerate().collect();
    order.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut largest: f64 = 0.0;
    for (rank, (_, value)) in order.iter_mut().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * *value).min(1.0);
        *value = largest;
    }
    order.sort_unstable_by_key(|(index, _)| *index);
    order.into_iter().map(|(_, value)| value).collect()
}

fn sum(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

/// The random number at an index of a sequence: splitmix64 with the state that it has there.
pub(crate) const fn draw(seed: u64, index: u64) -> u64 {
    let state = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The reference implementation's first numbers from state 1234567.
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([0, 1, 2].map(|index| draw(1_234_567, index)), expected);
    }

    #[test]
    fn known_p_values() {
        assert_eq!(randomisation_p(&[]), 1.0);
        assert_eq!(randomisation_p(&[0.0; 30]), 1.0);
        assert_eq!(randomisation_p(&[0.5]), 1.0);
        assert_eq!(randomisation_p(&[0.1; 10]), 2.0 / 1024.0, "only all and none");
        assert_eq!(randomisation_p(&[0.1; 20]), 2.0 / 1_048_576.0);
        assert_eq!(randomisation_p(&[0.1; 40]), 1.0 / 10_001.0);
        assert_eq!(randomisation_p(&[0.3, -0.3, 0.1, -0.1]), 1.0);
    }

    #[test]
    fn holm_as_in_the_textbook() {
        // p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R
        let found = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{found:?}");
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn a_comparison_counts_its_queries() {
        let paired = paired(&[0.5, 0.3, 0.2, 0.9], &[0.6, 0.1 + 0.2, 0.1, 1.0]).unwrap();
        assert_eq!((paired.queries, paired.wins, paired.ties, paired.losses), (4, 2, 1, 1));
        assert!((paired.difference - 0.025).abs() < 1e-15);
        assert_eq!(paired.p, 1.0, "no three differences of one size can be significant");
        assert_eq!(super::paired(&[], &[]), None);
        assert_eq!(super::paired(&[1.0], &[]), None);
    }

    #[test]
    fn intervals_have_the_width_that_theory_gives() {
        let values: Vec<f64> = (0..400).map(|index| (draw(7, index) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        let mean = sum(&values) / 400.0;
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 400.0;
        let half = 1.96 * (variance / 400.0).sqrt();
        let (low, high) = bootstrap_interval(&values).unwrap();
        assert!((low - (mean - half)).abs() < 0.05 * half, "{low} {}", mean - half);
        assert!((high - (mean + half)).abs() < 0.05 * half, "{high} {}", mean + half);
        assert_eq!(bootstrap_interval(&[0.25; 3]).unwrap(), (0.25, 0.25));
    }

    #[test]
    fn percentiles_are_interpolated() {
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 4.0, 5.0], 250), 2.0);
        assert_eq!(percentile(&[1.0, 2.0], 250), 1.25);
    }

    /// Differences as metrics have them: few sizes, many the same.
    fn differences(most: usize) -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((-6_i32..7).prop_map(|n| f64::from(n) * 0.1), 0..most)
    }

    proptest! {
        #[test]
        fn every_permutation_is_looked_at(differences in differences(11)) {
            let sign = |mask: u32, index: usize| if mask >> index & 1 == 1 { -1.0 } else { 1.0 };
            let total = |mask| {
                let signed = differences.iter().enumerate().map(|(index, difference)| sign(mask, index) * difference);
                signed.fold(0.0, |sum: f64, value| sum + value).abs()
            };
            let ways = 1_u32 << differences.len();
            let extreme = (0..ways).filter(|mask| total(*mask) >= total(0) - 1e-9).count();
            // Queries without a difference double both counts.
            prop_assert_eq!(randomisation_p(&differences), extreme as f64 / f64::from(ways));
        }

        #[test]
        fn drawn_and_exact_agree(differences in differences(20)) {
            let differing: Vec<f64> = differences.into_iter().filter(|x| *x != 0.0).collect();
            let threshold = sum(&differing).abs() - 1e-9;
            let (exact, drawn) = (exact_p(&differing, threshold), drawn_p(&differing, threshold));
            let error = (exact * (1.0 - exact) / PERMUTATIONS as f64).sqrt();
            prop_assert!((exact - drawn).abs() <= 6.0 * error + 1e-3, "{} {}", exact, drawn);
        }

        #[test]
        fn holm_is_the_definition(p in prop::collection::vec(0.0..1.0_f64, 0..8)) {
            let found = holm(&p);
            for (index, value) in p.iter().enumerate() {
                // The largest, over all not larger than it, of p times the number of those not smaller.
                let step = |other: f64| {
                    let larger = p.iter().filter(|x| **x >= other).count();
                    (larger as f64 * other).min(1.0)
                };
                let expected = p.iter().filter(|x| *x <= value).map(|x| step(*x)).fold(0.0, f64::max);
                prop_assert!((found[index] - expected).abs() < 1e-12);
            }
        }

        #[test]
        fn which_system_comes_first_changes_signs_only(pairs in prop::collection::vec((0..5_u8, 0..5_u8), 1..40)) {
            let (one, other): (Vec<f64>, Vec<f64>) =
                pairs.iter().map(|(a, b)| (f64::from(*a) / 4.0, f64::from(*b) / 4.0)).unzip();
            let (there, back) = (paired(&one, &other).unwrap(), paired(&other, &one).unwrap());
            prop_assert_eq!(there.p, back.p);
            prop_assert_eq!((there.wins, there.losses), (back.losses, back.wins));
            prop_assert!((there.difference + back.difference).abs() < 1e-15);
            prop_assert!((there.interval.0 + back.interval.1).abs() < 1e-12);
            prop_assert!((there.interval.1 + back.interval.0).abs() < 1e-12);
        }
    }
}
