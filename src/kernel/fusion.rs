//! The importance scores of `arcee_fusion`: the change of an element times the divergence of its row's softmax.
//!
//! The exponential and the logarithm here are straight-line arithmetic, so that they vectorise and give the same bits at
//! every level; both are within 3 units in the last place of the exact values.

use super::Real;
use super::gram::sum;
use super::simd_level::per_level;

/// Added to every probability.
const FLOOR: f64 = 1e-8;
const LANES: usize = 16;

per_level! {
    /// `Σ p·ln(p / q)` of one row, `p = softmax(x) + 1e-8`, `q = softmax(base) + 1e-8`, in f64. `buffers` holds
    /// intermediate results.
    pub fn row_divergence<T: Real>(base: &[T], x: &[T], buffers: &mut [Vec<f64>; 2]) -> f64 {
        let [of_x, of_base] = buffers;
        let (scale_x, scale_base) = (1.0 / exponentials(x, of_x), 1.0 / exponentials(base, of_base));
        let mut lanes = [0f64; LANES];
        for (p, q) in of_x.chunks(LANES).zip(of_base.chunks(LANES)) {
            for ((lane, p), q) in lanes.iter_mut().zip(p).zip(q) {
                let (p, q) = (p * scale_x + FLOOR, q * scale_base + FLOOR);
                *lane += p * ln(p / q);
            }
        }
        // For equal rows rounding may give slightly less than 0.
        sum(lanes).max(0.0)
    }
}

per_level! {
    /// |x − base| · divergence.
    pub fn importance<T: Real>(base: &[T], x: &[T], divergence: f64, out: &mut [f64]) {
        for ((out, x), base) in out.iter_mut().zip(x).zip(base) {
            *out = (*x - *base).magnitude().double() * divergence;
        }
    }
}

per_level! {
    /// `out = base + (x − base)` where the importance reaches `threshold`, `base` elsewhere. Returns whether every
    /// difference was finite.
    pub fn fuse<T: Real>(base: &[T], x: &[T], divergence: f64, threshold: f64, out: &mut [T]) -> bool {
        let mut bad = false;
        for ((out, x), base) in out.iter_mut().zip(x).zip(base) {
            let delta = *x - *base;
            bad |= delta.magnitude_bits() >= T::INFINITY;
            let taken = delta.magnitude().double() * divergence >= threshold;
            *out = *base + if taken { delta } else { T::ZERO };
        }
        !bad
    }
}

/// Fills `out` with `exp(v − max)` and returns the sum.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn exponentials<T: Real>(values: &[T], out: &mut Vec<f64>) -> f64 {
    let mut most = [f64::NEG_INFINITY; LANES];
    for values in values.chunks(LANES) {
        for (most, value) in most.iter_mut().zip(values) {
            let value = value.double();
            *most = if value > *most { value } else { *most };
        }
    }
    let most = most.into_iter().fold(f64::NEG_INFINITY, f64::max);
    out.resize(values.len(), 0.0);
    for (out, value) in out.iter_mut().zip(values) {
        *out = exp(value.double() - most);
    }
    let mut lanes = [0f64; LANES];
    for out in out.chunks(LANES) {
        for (lane, value) in lanes.iter_mut().zip(out) {
            *lane += value;
        }
    }
    sum(lanes)
}

/// Computes e^x for `x` ≤ 0. Below −708 it returns e^−708, which is close to zero.
#[inline(always)]
fn exp(x: f64) -> f64 {
    /// Adding this constant rounds to an integer, which is then found in the last bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = if x > -708.0 { x } else { -708.0 };
    let rounded = x * std::f64::consts::LOG2_E + ROUND;
    let whole = rounded - ROUND;
    let r = x - whole * LN2_HIGH - whole * LN2_LOW;
    // The series up to r¹³ / 13!. |r| is at most ln 2 / 2, so the error is below 5e-18.
    let mut series = 1.0 / 6_227_020_800.0;
    for factor in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        series = series * r + factor;
    }
    let exponent = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(1023);
    series * f64::from_bits(exponent << 52)
}

/// The natural logarithm of a positive normal number.
#[inline(always)]
fn ln(x: f64) -> f64 {
    /// 2⁵²: an integer written to its last bits is added to it.
    const SHIFT: f64 = 4_503_599_627_370_496.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let bits = x.to_bits();
    let exponent = f64::from_bits(SHIFT.to_bits() | (bits >> 52)) - SHIFT - 1023.0;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
    let large = mantissa > std::f64::consts::SQRT_2;
    let mantissa = if large { mantissa * 0.5 } else { mantissa };
    let exponent = if large { exponent + 1.0 } else { exponent };
    // ln m = 2·artanh(s) = 2·(s + s³/3 + …), |s| at most 0.172.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut series = 1.0 / 21.0;
    for factor in
        [1.0 / 19.0, 1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0]
    {
        series = series * square + factor;
    }
    exponent * LN2_HIGH + (exponent * LN2_LOW + 2.0 * s * square * series + 2.0 * s)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    /// The distance in units of the last place.
    fn apart(a: f64, b: f64) -> f64 {
        (a - b).abs() / (f64::EPSILON * b.abs().max(f64::MIN_POSITIVE))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn the_exponential_is_that_of_libm(x in prop_oneof![-700.0f64..=0.0, -1.0f64..=0.0]) {
            prop_assert!(apart(exp(x), libm::exp(x)) <= 3.0, "{x}: {:e} is not {:e}", exp(x), libm::exp(x));
        }

        #[test]
        fn the_logarithm_is_that_of_libm(x in prop_oneof![1e-9f64..1e9, 0.5f64..2.0, 0.999f64..1.001]) {
            prop_assert!(apart(ln(x), libm::log(x)) <= 3.0, "{x}: {:e} is not {:e}", ln(x), libm::log(x));
        }
    }

    #[test]
    fn the_ends_are_exact() {
        assert_eq!((exp(0.0), exp(-0.0), ln(1.0)), (1.0, 1.0, 0.0));
        assert!(exp(-1e9) > 0.0 && exp(f64::NEG_INFINITY) < 1e-300);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn divergence_and_fusion_agree_with_their_formulas_and_between_levels(
            row in proptest::collection::vec((-3.0f32..3.0, -1.0f32..1.0), 1..300), threshold in 0.0f64..0.2,
        ) {
            let (base, x): (Vec<f32>, Vec<f32>) = row.into_iter().map(|(base, change)| (base, base + change)).unzip();
            let softmax = |values: &[f32]| {
                let exp: Vec<f64> = values.iter().map(|v| libm::exp(f64::from(*v))).collect();
                let sum: f64 = exp.iter().sum();
                exp.into_iter().map(move |e| e / sum + 1e-8).collect::<Vec<f64>>()
            };
            let naive: f64 = softmax(&x).iter().zip(softmax(&base)).map(|(p, q)| p * libm::log(p / q)).sum();
            let run = |level| {
                let (mut out, mut scores) = (vec![0.0; x.len()], vec![0.0; x.len()]);
                let divergence = row_divergence(level, &base, &x, &mut [Vec::new(), Vec::new()]);
                assert!(fuse(level, &base, &x, divergence, threshold, &mut out));
                importance(level, &base, &x, divergence, &mut scores);
                (divergence, out, scores)
            };
            let portable = run(SimdLevel::PORTABLE);
            prop_assert!((portable.0 - naive).abs() < 1e-13, "{} is not {naive}", portable.0);
            for i in 0..x.len() {
                let delta = x[i] - base[i];
                let taken = f64::from(delta.abs()) * portable.0 >= threshold;
                prop_assert_eq!(portable.1[i].to_bits(), (base[i] + if taken { delta } else { 0.0 }).to_bits());
                prop_assert_eq!(portable.2[i] >= threshold, taken);
            }
            for level in SimdLevel::available() {
                prop_assert_eq!(run(level), portable.clone());
            }
        }
    }

    #[test]
    fn equal_rows_do_not_diverge_and_what_is_not_finite_is_reported() {
        let row = [0.3f32, -2.0, 1.5];
        let divergence = row_divergence(SimdLevel::PORTABLE, &row, &row, &mut [Vec::new(), Vec::new()]);
        assert_eq!(divergence.to_bits(), 0);
        assert!(!fuse(SimdLevel::PORTABLE, &[0.0f32], &[f32::NAN], 1.0, 2.0, &mut [0.0]));
    }
}
