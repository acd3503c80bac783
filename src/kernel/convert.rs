//! Conversion between the bytes of a checkpoint and the type that a merge is computed in.

use super::half::f16_to_f32;
use super::simd_level::per_level;
use super::{DType, Real};

per_level! {
    /// Widens little-endian numbers of format `from` (of any alignment) into `out`. `bytes` holds `out.len()` numbers.
    pub fn widen<T: Real>(bytes: &[u8], from: DType, out: &mut [T]) {
        match from {
            DType::F16 => decode::<T, 2>(bytes, out, |b| T::of_f32(f16_to_f32(u16::from_le_bytes(b)))),
            DType::Bf16 => decode::<T, 2>(bytes, out, |b| T::of_f32(f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))),
            DType::F32 => decode::<T, 4>(bytes, out, |b| T::of_f32(f32::from_le_bytes(b))),
            DType::F64 => decode::<T, 8>(bytes, out, |b| T::of(f64::from_le_bytes(b))),
        }
    }
}

per_level! {
    /// Rounds `values` to format `to`, to nearest even, into little-endian `bytes`. Says whether all results are finite.
    pub fn narrow<T: Real>(values: &[T], to: DType, bytes: &mut [u8]) -> bool {
        match to {
            DType::F16 => encode::<T, 2>(values, bytes, |x| {
                let bits = x.f16_bits();
                (bits.to_le_bytes(), bits & 0x7c00 == 0x7c00)
            }),
            DType::Bf16 => encode::<T, 2>(values, bytes, |x| {
                let bits = x.bf16_bits();
                (bits.to_le_bytes(), bits & 0x7f80 == 0x7f80)
            }),
            DType::F32 => encode::<T, 4>(values, bytes, |x| {
                let single = x.single();
                (single.to_le_bytes(), single.to_bits() & 0x7f80_0000 == 0x7f80_0000)
            }),
            DType::F64 => encode::<T, 8>(values, bytes, |x| {
                let double = x.double();
                (double.to_le_bytes(), double.to_bits() & 0x7ff0_0000_0000_0000 == 0x7ff0_0000_0000_0000)
            }),
        }
    }
}

per_level! {
    /// Whether no value is NaN or infinite.
    pub fn all_finite<T: Real>(values: &[T]) -> bool {
        let mut bad = false;
        for x in values {
            bad |= x.magnitude_bits() >= T::INFINITY;
        }
        !bad
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn decode<T: Real, const N: usize>(bytes: &[u8], out: &mut [T], one: impl Fn([u8; N]) -> T) {
    let (numbers, _) = bytes.as_chunks::<N>();
    for (out, number) in out.iter_mut().zip(numbers) {
        *out = one(*number);
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn encode<T: Real, const N: usize>(values: &[T], bytes: &mut [u8], one: impl Fn(T) -> ([u8; N], bool)) -> bool {
    let (numbers, _) = bytes.as_chunks_mut::<N>();
    let mut bad = false;
    for (number, value) in numbers.iter_mut().zip(values) {
        let (encoded, not_finite) = one(*value);
        *number = encoded;
        bad |= not_finite;
    }
    !bad
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn every_level_converts_alike(bits in proptest::collection::vec(any::<u32>(), 0..300), offset in 0usize..4) {
            let values: Vec<f32> = bits.iter().map(|b| f32::from_bits(*b)).collect();
            for to in DType::ALL {
                let mut expected = vec![0; values.len() * to.size()];
                let finite = narrow(SimdLevel::PORTABLE, &values, to, &mut expected);
                let mut shifted = vec![0; offset];
                shifted.extend_from_slice(&expected);
                let mut wide = vec![0f64; values.len()];
                widen(SimdLevel::PORTABLE, &expected, to, &mut wide);
                prop_assert_eq!(finite, wide.iter().all(|x| x.is_finite()));
                for level in SimdLevel::available() {
                    let mut got = vec![0; expected.len()];
                    prop_assert_eq!(narrow(level, &values, to, &mut got), finite);
                    prop_assert_eq!(&got, &expected);
                    let mut back = vec![0f64; values.len()];
                    widen(level, &shifted[offset..], to, &mut back);
                    prop_assert!(back.iter().zip(&wide).all(|(a, b)| a.to_bits() == b.to_bits()));
                }
            }
        }
    }
}
