//! Sums of task vectors whose terms depend on all models at once.

use super::gram::sum;
use super::simd_level::per_level;
use super::{BLOCK, Real};

const CHUNK: usize = 256;

per_level! {
    /// Computes for each element the variance over the inputs of `input − base`, times the number of inputs.
    pub fn variance<T: Real>(base: &[T], inputs: &[&[T]], out: &mut [f64]) {
        let count = inputs.len().max(1) as f64;
        for (index, (out, base)) in out.chunks_mut(CHUNK).zip(base.chunks(CHUNK)).enumerate() {
            let here = index * CHUNK..index * CHUNK + base.len();
            let mut means = [0f64; CHUNK];
            for x in inputs {
                for ((mean, x), base) in means.iter_mut().zip(&x[here.clone()]).zip(base) {
                    *mean += (*x - *base).double();
                }
            }
            for mean in &mut means {
                *mean /= count;
            }
            out.fill(0.0);
            for x in inputs {
                for (((out, mean), x), base) in out.iter_mut().zip(&means).zip(&x[here.clone()]).zip(base) {
                    let distance = (*x - *base).double() - mean;
                    *out += distance * distance;
                }
            }
        }
    }
}

per_level! {
    /// Builds a mask: 1 for elements whose score is above `low`, or equals it before position `cut`, and 0 for the others.
    /// Scores are not negative.
    pub fn select(scores: &[f64], low: u64, cut: usize, out: &mut [u8]) {
        let cut = cut.min(scores.len());
        for (out, score) in out.iter_mut().zip(&scores[..cut]) {
            *out = u8::from(score.to_bits() >= low);
        }
        for (out, score) in out[cut..].iter_mut().zip(&scores[cut..]) {
            *out = u8::from(score.to_bits() > low);
        }
    }
}

per_level! {
    /// Appends to `out`, for each block of [`BLOCK`] elements and each input, Σ(x − base)² over the selected elements.
    pub fn energies<T: Real>(base: &[T], inputs: &[&[T]], selected: Option<&[u8]>, out: &mut Vec<f64>) {
        for (index, base) in base.chunks(BLOCK).enumerate() {
            let here = index * BLOCK..index * BLOCK + base.len();
            let selected = selected.map(|selected| &selected[here.clone()]);
            for x in inputs {
                let mut lanes = [0f64; 16];
                for (row, (x, base)) in x[here.clone()].chunks(16).zip(base.chunks(16)).enumerate() {
                    let mut squares = [0f64; 16];
                    for ((square, x), base) in squares.iter_mut().zip(x).zip(base) {
                        let delta = (*x - *base).double();
                        *square = delta * delta;
                    }
                    if let Some(selected) = selected {
                        for (square, selected) in squares.iter_mut().zip(&selected[row * 16..row * 16 + x.len()]) {
                            *square = if *selected == 0 { 0.0 } else { *square };
                        }
                    }
                    for (lane, square) in lanes.iter_mut().zip(&squares) {
                        *lane += square;
                    }
                }
                out.push(sum(lanes));
            }
        }
    }
}

/// The smallest divisor. Where the sum of weights is smaller, this is used in its place, as in mergekit.
const SMALLEST_DIVISOR: f64 = 1e-6;

per_level! {
    /// `out = base + Σ cᵢ·dᵢ·[sign dᵢ = s] / max(Σ cᵢ·[sign dᵢ = s], 1e-6)`, `dᵢ = xᵢ − base` for the selected elements and
    /// 0 for the others, `s` the sign of `Σ dᵢ` (+ when it is zero). Returns whether every sum was finite.
    pub fn consensus_sum<T: Real>(
        base: &[T], inputs: &[&[T]], weights: &[T], selected: Option<&[u8]>, out: &mut [T],
    ) -> bool {
        let floor = T::of(SMALLEST_DIVISOR);
        let mut bad = false;
        for (index, (out, base)) in out.chunks_mut(CHUNK).zip(base.chunks(CHUNK)).enumerate() {
            let here = index * CHUNK..index * CHUNK + base.len();
            let mut votes = [T::ZERO; CHUNK];
            for x in inputs {
                for ((vote, x), base) in votes.iter_mut().zip(&x[here.clone()]).zip(base) {
                    *vote += *x - *base;
                }
            }
            for vote in &mut votes[..base.len()] {
                bad |= vote.magnitude_bits() >= T::INFINITY;
                // Multiplying by the sign makes differences that agree positive: one comparison, no branch.
                *vote = if *vote >= T::ZERO { T::ONE } else { T::of(-1.0) };
            }
            let mut mixed = [T::ZERO; CHUNK];
            let mut divisors = [T::ZERO; CHUNK];
            for (&weight, x) in weights.iter().zip(inputs) {
                for ((((mixed, divisor), sign), x), base) in
                    mixed.iter_mut().zip(&mut divisors).zip(&votes).zip(&x[here.clone()]).zip(base)
                {
                    let delta = *x - *base;
                    // Selecting between two loaded values needs no branch; reading through a reference would.
                    let share = if delta * *sign > T::ZERO { weight } else { T::ZERO };
                    *mixed += share * delta;
                    *divisor += share;
                }
            }
            for ((mixed, divisor), (out, base)) in mixed.iter_mut().zip(&divisors).zip(out.iter_mut().zip(base)) {
                *mixed = *mixed / if *divisor > floor { *divisor } else { floor };
                *out = *base + *mixed;
            }
            if let Some(selected) = selected {
                for ((out, base), selected) in out.iter_mut().zip(base).zip(&selected[here]) {
                    *out = if *selected == 0 { *base } else { *out };
                }
            }
        }
        !bad
    }
}

per_level! {
    /// `out = base + Σ fᵢ·(xᵢ − base)` over the models with |xᵢ − base| > epsilon: `fᵢ` is the model's factor where there
    /// is only one, and 1 divided by their number elsewhere. Returns whether every difference was finite.
    pub fn overlap_sum<T: Real>(base: &[T], inputs: &[&[T]], epsilon: T, alone: &[T], out: &mut [T]) -> bool {
        let mut bad = false;
        for (index, (out, base)) in out.chunks_mut(CHUNK).zip(base.chunks(CHUNK)).enumerate() {
            let here = index * CHUNK..index * CHUNK + base.len();
            let mut counts = [T::ZERO; CHUNK];
            for x in inputs {
                for ((count, x), base) in counts.iter_mut().zip(&x[here.clone()]).zip(base) {
                    let delta = *x - *base;
                    bad |= delta.magnitude_bits() >= T::INFINITY;
                    *count += if delta.magnitude() > epsilon { T::ONE } else { T::ZERO };
                }
            }
            let mut sums = [T::ZERO; CHUNK];
            for (&alone, x) in alone.iter().zip(inputs) {
                for (((sum, count), x), base) in sums.iter_mut().zip(&counts).zip(&x[here.clone()]).zip(base) {
                    let delta = *x - *base;
                    let part = if *count > T::ONE { delta / *count } else { delta * alone };
                    *sum += if delta.magnitude() > epsilon { part } else { T::ZERO };
                }
            }
            for ((out, sum), base) in out.iter_mut().zip(&sums).zip(base) {
                *out = *base + *sum;
            }
        }
        !bad
    }
}

per_level! {
    /// Adds to `counts`, for each input, the number of elements with |x − base| > epsilon that other inputs share, and the
    /// number that only this input has.
    pub fn overlap_counts<T: Real>(base: &[T], inputs: &[&[T]], epsilon: T, counts: &mut [[u64; 2]]) {
        for (index, base) in base.chunks(CHUNK).enumerate() {
            let here = index * CHUNK..index * CHUNK + base.len();
            let mut models = [0u32; CHUNK];
            for x in inputs {
                for ((models, x), base) in models.iter_mut().zip(&x[here.clone()]).zip(base) {
                    *models += u32::from((*x - *base).magnitude() > epsilon);
                }
            }
            for (counts, x) in counts.iter_mut().zip(inputs) {
                let (mut shared, mut alone) = (0u32, 0u32);
                for ((models, x), base) in models.iter().zip(&x[here.clone()]).zip(base) {
                    let active = (*x - *base).magnitude() > epsilon;
                    shared += u32::from(active && *models > 1);
                    alone += u32::from(active && *models == 1);
                }
                counts[0] += u64::from(shared);
                counts[1] += u64::from(alone);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    fn same(a: &[f32], b: &[f32]) -> bool {
        a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        // Values on a coarse grid make ties, zeros and cancelling votes frequent.
        #[test]
        fn joint_sums_agree_with_their_formulas_and_between_levels(
            rows in proptest::collection::vec((proptest::array::uniform4(-8i8..8), 0u8..2), 0..600),
            weights in proptest::array::uniform3(0u8..5), step in 0u8..6, some: bool,
        ) {
            let column = |k: usize| rows.iter().map(|(row, _)| f32::from(row[k]) / 4.0).collect::<Vec<f32>>();
            let (base, columns) = (column(0), [column(1), column(2), column(3)]);
            let drawn: Vec<u8> = rows.iter().map(|(_, drawn)| *drawn).collect();
            let selected = some.then_some(drawn.as_slice());
            let inputs: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
            let weights = weights.map(|weight| f32::from(weight) / 4.0);
            let factors = weights.map(|weight| 1.0 + weight);
            let epsilon = f32::from(step) / 4.0;
            let n = base.len();
            let delta = |k: usize, i: usize| f64::from(columns[k][i]) - f64::from(base[i]);
            let run = |level| {
                let (mut consensus, mut overlap, mut variances) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
                assert!(consensus_sum(level, &base, &inputs, &weights, selected, &mut consensus));
                assert!(overlap_sum(level, &base, &inputs, epsilon, &factors, &mut overlap));
                variance(level, &base, &inputs, &mut variances);
                let (low, mut reached) = (0.5f64.to_bits(), vec![7; n]);
                select(level, &variances, low, n / 2, &mut reached);
                for (i, reached) in reached.iter().enumerate() {
                    let bits = variances[i].to_bits();
                    assert_eq!(*reached == 1, bits > low || (bits == low && i < n / 2));
                }
                let (mut counts, mut blocks) = ([[0; 2]; 3], Vec::new());
                overlap_counts(level, &base, &inputs, epsilon, &mut counts);
                energies(level, &base, &inputs, selected, &mut blocks);
                (consensus, overlap, variances, counts, blocks)
            };
            let portable = run(SimdLevel::PORTABLE);
            let (mut counts, mut squares) = ([[0; 2]; 3], [0.0; 3]);
            for i in 0..n {
                let deltas: Vec<f64> = (0..3).map(|k| delta(k, i)).collect();
                let mean = deltas.iter().sum::<f64>() / 3.0;
                let spread = deltas.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>();
                prop_assert!((portable.2[i] - spread).abs() < 1e-12);

                let stays = selected.is_none_or(|selected| selected[i] != 0);
                let sign = if deltas.iter().sum::<f64>() >= 0.0 { 1.0 } else { -1.0 };
                let agreeing = (0..3).filter(|k| stays && deltas[*k] * sign > 0.0);
                let (sum, divisor) = agreeing.fold((0.0, 0.0), |(sum, divisor), k| {
                    let weight = f64::from(weights[k]);
                    (sum + weight * deltas[k], divisor + weight)
                });
                let exact = f64::from(base[i]) + sum / divisor.max(1e-6);
                prop_assert!((f64::from(portable.0[i]) - exact).abs() < 1e-5, "{} is not {exact}", portable.0[i]);

                let active: Vec<usize> = (0..3).filter(|k| deltas[*k].abs() > f64::from(epsilon)).collect();
                let part = |k: &usize| deltas[*k] * if active.len() == 1 { f64::from(factors[*k]) } else { 1.0 / active.len() as f64 };
                let exact = f64::from(base[i]) + active.iter().map(part).sum::<f64>();
                prop_assert!((f64::from(portable.1[i]) - exact).abs() < 1e-5, "{} is not {exact}", portable.1[i]);
                for k in &active {
                    counts[*k][usize::from(active.len() == 1)] += 1;
                }
                for k in 0..3 {
                    squares[k] += if stays { deltas[k] * deltas[k] } else { 0.0 };
                }
            }
            prop_assert_eq!(portable.3, counts);
            for (k, square) in squares.iter().enumerate() {
                let sum: f64 = portable.4.iter().skip(k).step_by(3).sum();
                prop_assert!((sum - square).abs() < 1e-9);
            }
            for level in SimdLevel::available() {
                let found = run(level);
                prop_assert!(same(&found.0, &portable.0) && same(&found.1, &portable.1), "{}", level.name());
                prop_assert_eq!((found.2, found.3, found.4), (portable.2.clone(), portable.3, portable.4.clone()));
            }
        }
    }

    #[test]
    fn an_element_that_is_not_finite_is_reported() {
        let (level, mut out) = (SimdLevel::PORTABLE, [0.0f32]);
        for value in [f32::NAN, f32::INFINITY] {
            assert!(!overlap_sum(level, &[0.0], &[&[value], &[1.0]], 0.5, &[1.0; 2], &mut out));
            assert!(!consensus_sum(level, &[0.0], &[&[value], &[1.0]], &[1.0; 2], Some(&[0]), &mut out));
        }
    }
}
