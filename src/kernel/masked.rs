//! Masked sums of task vectors.

use super::gram::sum;
use super::simd_level::per_level;
use super::{BLOCK, Real};

/// One model's part in a masked sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskTerm<'a, T: Real> {
    /// The factor on the task vector.
    pub weight: T,
    /// Elements of the task vector of smaller magnitude are left out.
    pub low: T::Bits,
    /// Elements of this magnitude or a larger one are left out.
    pub high: T::Bits,
    /// The random mask: elements where it is 0 are left out too.
    pub drawn: Option<&'a [u8]>,
    /// The factor that restores the norm the task vector had before the mask.
    pub rescale: T,
}

/// The terms of a masked sum, and how they are combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskedTerms<'a, T: Real> {
    /// One term for each model.
    pub terms: &'a [MaskTerm<'a, T>],
    /// Whether elements whose sign is not that of the sum are left out.
    pub elect: bool,
    /// Whether the sum is divided by the weights that took part.
    pub normalize: bool,
    /// The factor on the sum.
    pub lambda: T,
}

const CHUNK: usize = 256;

/// The smallest divisor. A smaller sum of weights does not divide, as in mergekit without sign election.
const SMALLEST_DIVISOR: f64 = 1e-8;

per_level! {
    /// `out = base + λ·Σ mᵢ·wᵢ·rᵢ·(xᵢ − base) / divisor`.
    ///
    /// `mᵢ` is 1 where |xᵢ − base| lies in the term's band, the element is among the drawn ones and, with `elect`, the term
    /// has the sign of the sum of the terms (+ when it is zero). The divisor is the sum of the weights of the terms that
    /// are left, or 1 where there are none. Returns whether every sum was finite, because election and masks could hide an
    /// element that is not.
    pub fn masked_sum<T: Real>(base: &[T], inputs: &[&[T]], how: MaskedTerms<'_, T>, out: &mut [T]) -> bool {
        let total: f64 = how.terms.iter().map(|term| term.weight.double()).sum();
        let fixed = if total.abs() < SMALLEST_DIVISOR { T::ONE } else { T::of(total) };
        let mut bad = false;
        for (index, (out, base)) in out.chunks_mut(CHUNK).zip(base.chunks(CHUNK)).enumerate() {
            let here = index * CHUNK..index * CHUNK + base.len();
            let mut sums = [T::ZERO; CHUNK];
            for (term, x) in how.terms.iter().zip(inputs) {
                // Only finite magnitudes are below `low`; an element that is not finite can only be dropped by the other
                // conditions.
                if term.drawn.is_some() || term.high < T::INFINITY {
                    for (x, base) in x[here.clone()].iter().zip(base) {
                        bad |= (*x - *base).magnitude_bits() >= T::INFINITY;
                    }
                }
                let values = sums.iter_mut().zip(&x[here.clone()]).zip(base);
                if let Some(drawn) = term.drawn {
                    for (((sum, x), base), drawn) in values.zip(&drawn[here.clone()]) {
                        *sum += drawn_value(*drawn, masked(term, *x - *base));
                    }
                } else {
                    for ((sum, x), base) in values {
                        *sum += masked(term, *x - *base);
                    }
                }
            }
            for sum in &sums[..base.len()] {
                bad |= sum.magnitude_bits() >= T::INFINITY;
            }
            if how.elect {
                let mut mixed = [T::ZERO; CHUNK];
                let mut divisors = [T::ZERO; CHUNK];
                for (term, x) in how.terms.iter().zip(inputs) {
                    let values =
                        mixed.iter_mut().zip(&mut divisors).zip(&sums).zip(&x[here.clone()]).zip(base);
                    if let Some(drawn) = term.drawn {
                        for (((((mixed, divisor), sum), x), base), drawn) in values.zip(&drawn[here.clone()]) {
                            let value = drawn_value(*drawn, masked(term, *x - *base));
                            agree(value, *sum, term.weight, mixed, divisor);
                        }
                    } else {
                        for ((((mixed, divisor), sum), x), base) in values {
                            agree(masked(term, *x - *base), *sum, term.weight, mixed, divisor);
                        }
                    }
                }
                for ((sum, mixed), divisor) in sums.iter_mut().zip(&mixed).zip(&divisors) {
                    let divisor = if *divisor == T::ZERO || !how.normalize { T::ONE } else { *divisor };
                    *sum = *mixed / divisor;
                }
            } else if how.normalize {
                for sum in &mut sums {
                    *sum = *sum / fixed;
                }
            }
            for ((out, sum), base) in out.iter_mut().zip(&sums).zip(base) {
                *out = *base + *sum * how.lambda;
            }
        }
        !bad
    }
}

/// The value of a term at one element; zero outside of the band.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
#[expect(clippy::needless_bitwise_bool, reason = "no branch: the loop vectorises")]
fn masked<T: Real>(term: &MaskTerm<'_, T>, delta: T) -> T {
    let value = delta * term.rescale * term.weight;
    let bits = delta.magnitude_bits();
    if (bits >= term.low) & (bits < term.high) { value } else { T::ZERO }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn drawn_value<T: Real>(drawn: u8, value: T) -> T {
    if drawn == 0 { T::ZERO } else { value }
}

/// Adds the value and its weight if it has the sign of the sum.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn agree<T: Real>(value: T, sum: T, weight: T, mixed: &mut T, divisor: &mut T) {
    let agrees = if sum >= T::ZERO { value > T::ZERO } else { value < T::ZERO };
    *mixed += if agrees { value } else { T::ZERO };
    *divisor += if agrees { weight } else { T::ZERO };
}

/// The band of magnitudes that are kept. Ties at either bound are cut off at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band<B> {
    /// Magnitudes above it are kept, and those that equal it before position `low_cut`.
    pub low: B,
    /// See `low`.
    pub low_cut: usize,
    /// Magnitudes above it are dropped, and those that equal it before position `high_cut`.
    pub high: B,
    /// See `high`.
    pub high_cut: usize,
}

per_level! {
    /// For each block of [`BLOCK`] elements, computes Σ|x − base| over all elements and over the elements that are kept (in
    /// the band, and not masked out at random). Positions count from the first element of the slices.
    pub fn absolute_sums<T: Real>(
        base: &[T], x: &[T], band: Band<T::Bits>, drawn: Option<&[u8]>, out: &mut Vec<[f64; 2]>,
    ) {
        // Nothing is outside of a band without ends, which is what random masks have.
        let whole = (band.low == T::Bits::default() && band.low_cut >= x.len()) && band.high > T::INFINITY;
        for (index, (x, base)) in x.chunks(BLOCK).zip(base.chunks(BLOCK)).enumerate() {
            let mut all = [0f64; 16];
            let mut kept = [0f64; 16];
            let mut position = index * BLOCK;
            let (mut x, mut base) = (x, base);
            if let Some(drawn) = drawn.filter(|_| whole) {
                let (chunks, rest) = x.as_chunks::<16>();
                let (bases, base_rest) = base.as_chunks::<16>();
                for ((x, base), drawn) in chunks.iter().zip(bases).zip(drawn[position..].as_chunks::<16>().0) {
                    for lane in 0..16 {
                        let magnitude = (x[lane] - base[lane]).magnitude().double();
                        all[lane] += magnitude;
                        kept[lane] += if drawn[lane] == 0 { 0.0 } else { magnitude };
                    }
                }
                position += x.len() - rest.len();
                (x, base) = (rest, base_rest);
            }
            for (x, base) in x.chunks(16).zip(base.chunks(16)) {
                let mut magnitudes = [0f64; 16];
                let mut stays = [false; 16];
                for (lane, (x, base)) in x.iter().zip(base).enumerate() {
                    let delta = *x - *base;
                    let bits = delta.magnitude_bits();
                    magnitudes[lane] = delta.magnitude().double();
                    let above = bits > band.low || (bits == band.low && position + lane < band.low_cut);
                    let below = bits < band.high || (bits == band.high && position + lane >= band.high_cut);
                    stays[lane] = above && below;
                }
                if let Some(drawn) = drawn {
                    for (stays, drawn) in stays.iter_mut().zip(&drawn[position..position + x.len()]) {
                        *stays &= *drawn != 0;
                    }
                }
                for lane in 0..16 {
                    all[lane] += magnitudes[lane];
                    kept[lane] += if stays[lane] { magnitudes[lane] } else { 0.0 };
                }
                position += 16;
            }
            out.push([sum(all), sum(kept)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    /// The formula in f64, one element at a time.
    fn naive(i: usize, base: f64, inputs: &[f64], how: MaskedTerms<'_, f32>) -> f64 {
        let terms: Vec<f64> = how
            .terms
            .iter()
            .zip(inputs)
            .map(|(term, x)| {
                let delta = *x as f32 - base as f32;
                let bits = delta.abs().to_bits();
                let kept = bits >= term.low && bits < term.high && term.drawn.is_none_or(|drawn| drawn[i] != 0);
                if kept { f64::from(delta) * f64::from(term.rescale) * f64::from(term.weight) } else { 0.0 }
            })
            .collect();
        let sum: f64 = terms.iter().sum();
        let sign = if sum >= 0.0 { 1.0 } else { -1.0 };
        let agree = |term: &f64| !how.elect || (*term * sign > 0.0);
        let mixed: f64 = terms.iter().filter(|term| agree(term)).sum();
        let divisor: f64 =
            how.terms.iter().zip(&terms).filter(|(_, term)| agree(term)).map(|(t, _)| f64::from(t.weight)).sum();
        let empty = if how.elect { divisor == 0.0 } else { divisor.abs() < 1e-8 };
        let divisor = if empty || !how.normalize { 1.0 } else { divisor };
        base + f64::from(how.lambda) * mixed / divisor
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        // Values on a coarse grid make ties, zeros and cancelling votes frequent, and sums exact.
        #[test]
        fn masked_sums_agree_with_the_formula_and_between_levels(
            rows in proptest::collection::vec((proptest::array::uniform4(-8i8..8), 0u8..2), 0..600),
            weights in proptest::array::uniform3(-4i8..5), thresholds in proptest::array::uniform3(0u8..9),
            elect: bool, normalize: bool, lambda in prop_oneof![Just(1.0f32), Just(0.5)],
        ) {
            let column = |k: usize| rows.iter().map(|(row, _)| f32::from(row[k]) / 4.0).collect::<Vec<f32>>();
            let (base, columns) = (column(0), [column(1), column(2), column(3)]);
            let drawn: Vec<u8> = rows.iter().map(|(_, drawn)| *drawn).collect();
            let inputs: Vec<&[f32]> = columns.iter().map(Vec::as_slice).collect();
            let terms: Vec<MaskTerm<'_, f32>> = (0..3).map(|k| MaskTerm {
                weight: f32::from(weights[k]) / 2.0,
                low: (f32::from(thresholds[k]) / 4.0).to_bits(),
                high: if k == 0 { 1.75f32.to_bits() } else { u32::MAX },
                drawn: (k == 2).then_some(&drawn),
                rescale: if k == 1 { 1.5 } else { 1.0 },
            }).collect();
            let how = MaskedTerms { terms: &terms, elect, normalize, lambda };
            let run = |level| {
                let mut out = vec![0.0; base.len()];
                assert!(masked_sum(level, &base, &inputs, how, &mut out));
                out
            };
            let portable = run(SimdLevel::PORTABLE);
            for (i, got) in portable.iter().enumerate() {
                let values: Vec<f64> = inputs.iter().map(|x| f64::from(x[i])).collect();
                let exact = naive(i, f64::from(base[i]), &values, how);
                prop_assert!((f64::from(*got) - exact).abs() < 1e-4 * exact.abs().max(1.0), "{got} is not {exact}");
            }
            for level in SimdLevel::available() {
                prop_assert!(run(level).iter().zip(&portable).all(|(a, b)| a.to_bits() == b.to_bits()));
                let mut sums = Vec::new();
                let whole = Band { low: 0, low_cut: usize::MAX, high: u32::MAX, high_cut: 0 };
                absolute_sums(level, &base, inputs[0], whole, Some(&drawn), &mut sums);
                let kept: f64 = base.iter().zip(inputs[0]).zip(&drawn)
                    .filter(|(_, drawn)| **drawn != 0).map(|((b, x), _)| f64::from((x - b).abs())).sum();
                prop_assert!((sums.iter().map(|sums| sums[1]).sum::<f64>() - kept).abs() < 1e-9);
                sums.clear();
                let band = Band { low: terms[0].low, low_cut: 300, high: terms[0].high, high_cut: 200 };
                absolute_sums(level, &base, inputs[0], band, Some(&drawn), &mut sums);
                let all: f64 = base.iter().zip(inputs[0]).map(|(b, x)| f64::from((x - b).abs())).sum();
                let kept: f64 = base.iter().zip(inputs[0]).map(|(b, x)| (x - b).abs()).enumerate()
                    .filter(|(i, d)| drawn[*i] != 0 && (d.to_bits() > band.low || (d.to_bits() == band.low && *i < 300))
                        && (d.to_bits() < band.high || (d.to_bits() == band.high && *i >= 200)))
                    .map(|(_, d)| f64::from(d)).sum();
                let got = sums.iter().fold([0.0, 0.0], |a, b| [a[0] + b[0], a[1] + b[1]]);
                prop_assert!((got[0] - all).abs() < 1e-9 && (got[1] - kept).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn an_infinite_element_is_reported_even_when_it_is_voted_down() {
        let terms = [MaskTerm { weight: 1.0, low: 0, high: u32::MAX, drawn: None, rescale: 1.0 }; 2];
        let how = MaskedTerms { terms: &terms, elect: true, normalize: true, lambda: 1.0 };
        let mut out = [0.0f32];
        assert!(!masked_sum(SimdLevel::PORTABLE, &[0.0], &[&[f32::INFINITY], &[f32::NEG_INFINITY]], how, &mut out));
        assert!(!masked_sum(SimdLevel::PORTABLE, &[0.0], &[&[f32::NAN], &[1.0]], how, &mut out));
        for term in [MaskTerm { drawn: Some(&[0]), ..terms[0] }, MaskTerm { high: 2.0f32.to_bits(), ..terms[0] }] {
            let how = MaskedTerms { terms: &[term], elect: false, normalize: false, lambda: 1.0 };
            assert!(!masked_sum(SimdLevel::PORTABLE, &[0.0], &[&[f32::INFINITY]], how, &mut out));
            assert!(masked_sum(SimdLevel::PORTABLE, &[0.0], &[&[3.0]], how, &mut out));
        }
    }
}
