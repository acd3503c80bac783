//! nearswap's element-wise interpolation.

use super::Real;
use super::simd_level::per_level;

per_level! {
    /// `out = w·x + (1 − w)·base` with `w = clamp(t / max(|base − x|, 1e-6), 0, 1)`.
    pub fn swap_near<T: Real>(base: &[T], x: &[T], t: T, out: &mut [T]) {
        let floor = T::of(1e-6);
        for ((out, base), x) in out.iter_mut().zip(base).zip(x) {
            let distance = (*base - *x).magnitude();
            let ratio = t / if distance > floor { distance } else { floor };
            let w = if ratio < T::ONE { ratio } else { T::ONE };
            *out = w * *x + (T::ONE - w) * *base;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn swaps_like_the_formula_at_every_level(
            pairs in proptest::collection::vec((-2.0f32..2.0, -2.0f32..2.0), 0..200), t in 0.0f32..1.5,
        ) {
            let (base, x): (Vec<f32>, Vec<f32>) = pairs.into_iter().unzip();
            let run = |level| {
                let mut out = vec![0.0; x.len()];
                swap_near(level, &base, &x, t, &mut out);
                out
            };
            let portable = run(SimdLevel::PORTABLE);
            for ((b, x), got) in base.iter().zip(&x).zip(&portable) {
                let (b, x) = (f64::from(*b), f64::from(*x));
                let w = (f64::from(t) / (b - x).abs().max(1e-6)).clamp(0.0, 1.0);
                prop_assert!((f64::from(*got) - (w * x + (1.0 - w) * b)).abs() < 2e-6);
            }
            for level in SimdLevel::available() {
                prop_assert!(run(level).iter().zip(&portable).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }
}
