//! Weighted sums of tensors.

use super::Real;
use super::simd_level::per_level;

/// Number of elements summed at a time: the sums stay in the first-level cache from one input to the next.
const CHUNK: usize = 1024;

per_level! {
    /// `out = Σ cᵢ·xᵢ`, summed in the order of the inputs. Without inputs `out` becomes zero.
    pub fn combine<T: Real>(coefficients: &[T], inputs: &[&[T]], out: &mut [T]) {
        for (index, out) in out.chunks_mut(CHUNK).enumerate() {
            let range = index * CHUNK..index * CHUNK + out.len();
            let mut terms = coefficients.iter().zip(inputs).map(|(c, x)| (*c, &x[range.clone()]));
            match (terms.next(), terms.next()) {
                (None, _) => out.fill(T::ZERO),
                (Some((c, x)), None) => {
                    for (out, x) in out.iter_mut().zip(x) {
                        *out = c * *x;
                    }
                }
                (Some((c, x)), Some((d, y))) => {
                    for ((out, x), y) in out.iter_mut().zip(x).zip(y) {
                        *out = c * *x + d * *y;
                    }
                }
            }
            for (c, x) in terms {
                for (out, x) in out.iter_mut().zip(x) {
                    *out += c * *x;
                }
            }
        }
    }
}

per_level! {
    /// `out = base + Σ cᵢ·(xᵢ − base)`, summed in the order of the inputs.
    pub fn combine_differences<T: Real>(base: &[T], coefficients: &[T], inputs: &[&[T]], out: &mut [T]) {
        for (index, (out, base)) in out.chunks_mut(CHUNK).zip(base.chunks(CHUNK)).enumerate() {
            let start = index * CHUNK;
            out.fill(T::ZERO);
            for (c, x) in coefficients.iter().zip(inputs) {
                for ((out, x), base) in out.iter_mut().zip(&x[start..start + base.len()]).zip(base) {
                    *out += *c * (*x - *base);
                }
            }
            for (out, base) in out.iter_mut().zip(base) {
                *out = *base + *out;
            }
        }
    }
}

per_level! {
    /// Computes [`combine`], or [`combine_differences`] where there is a base, with a coefficient for each input and
    /// element.
    pub fn combine_columns<T: Real>(base: Option<&[T]>, coefficients: &[&[f64]], inputs: &[&[T]], out: &mut [T]) {
        out.fill(T::ZERO);
        for (coefficients, x) in coefficients.iter().zip(inputs) {
            match base {
                None => {
                    for ((out, c), x) in out.iter_mut().zip(*coefficients).zip(*x) {
                        *out += T::of(*c) * *x;
                    }
                }
                Some(base) => {
                    for (((out, c), x), base) in out.iter_mut().zip(*coefficients).zip(*x).zip(base) {
                        *out += T::of(*c) * (*x - *base);
                    }
                }
            }
        }
        if let Some(base) = base {
            for (out, base) in out.iter_mut().zip(base) {
                *out = *base + *out;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = (Vec<f32>, Vec<Vec<f32>>, Vec<f32>)> {
        (0usize..3000, 0usize..5).prop_flat_map(|(n, k)| {
            let vector = || proptest::collection::vec(-4.0f32..4.0, n);
            (vector(), proptest::collection::vec(vector(), k), proptest::collection::vec(-2.0f32..2.0, k))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn sums_agree_with_a_naive_f64_version_and_between_levels((base, inputs, coefficients) in vectors()) {
            let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
            let run = |level, around: bool| {
                let mut out = vec![7.0; base.len()];
                if around {
                    combine_differences(level, &base, &coefficients, &inputs, &mut out);
                } else {
                    combine(level, &coefficients, &inputs, &mut out);
                }
                out
            };
            for around in [false, true] {
                let portable = run(SimdLevel::PORTABLE, around);
                for (i, got) in portable.iter().enumerate() {
                    let b = f64::from(base[i]);
                    let exact: f64 = coefficients.iter().zip(&inputs)
                        .map(|(c, x)| f64::from(*c) * (f64::from(x[i]) - if around { b } else { 0.0 })).sum();
                    let exact = exact + if around { b } else { 0.0 };
                    prop_assert!((f64::from(*got) - exact).abs() < 1e-5, "{got} is not {exact}");
                }
                let columns: Vec<Vec<f64>> = coefficients.iter().map(|c| vec![f64::from(*c); base.len()]).collect();
                let columns: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
                for level in SimdLevel::available() {
                    let mut out = vec![7.0; base.len()];
                    combine_columns(level, around.then_some(base.as_slice()), &columns, &inputs, &mut out);
                    prop_assert!(out.iter().zip(&portable).all(|(a, b)| (a - b).abs() <= 0.0), "columns at {}", level.name());
                    let same = run(level, around).iter().zip(&portable).all(|(a, b)| a.to_bits() == b.to_bits());
                    prop_assert!(same, "{} differs", level.name());
                }
            }
        }
    }
}
