//! Between the bytes of a checkpoint and the type a merge is computed in.
//!
//! The conversions of binary16 and bfloat16 are branch-free integer code that vectorises at every level, so that all
//! levels give the same bits, denormals and NaN included.

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

/// Exact. A denormal becomes normal by one multiplication, which also puts the exponent's bias right.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
pub(super) fn f16_to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let magnitude = u32::from(half & 0x7fff) << 13;
    // 2^112: the exponents' biases differ by 127 − 15.
    let scaled = (f32::from_bits(magnitude) * f32::from_bits(0x7780_0000)).to_bits();
    let special = 0x7f80_0000 | magnitude;
    // A signalling NaN turns quiet, as it does in hardware.
    let quiet = if magnitude > 0x0f80_0000 { 0x0040_0000 } else { 0 };
    f32::from_bits(sign | if magnitude >= 0x0f80_0000 { special | quiet } else { scaled })
}

/// Rounded to nearest even, overflow to infinity, denormals kept.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
pub(super) fn f32_to_f16(x: f32) -> u16 {
    let bits = x.to_bits();
    let sign = (bits >> 16) & 0x8000;
    let magnitude = bits & 0x7fff_ffff;
    // Normal results: rebias the exponent and round on the bits.
    let odd = (magnitude >> 13) & 1;
    let normal = magnitude.wrapping_sub(0x3800_0000).wrapping_add(0x0fff + odd) >> 13;
    // Denormal results: adding 0.5 lines the value up with the last bit of an f32, and the adder rounds.
    let denormal = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0x3f00_0000);
    let nan = 0x7e00 | ((magnitude >> 13) & 0x01ff);
    let finite = if magnitude < 0x3880_0000 { denormal } else { normal };
    let rounded = if magnitude >= 0x4780_0000 { 0x7c00 } else { finite };
    (sign | if magnitude > 0x7f80_0000 { nan } else { rounded }) as u16
}

/// Rounded to nearest even.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
pub(super) fn f32_to_bf16(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    let nan = (bits >> 16) | 0x0040;
    (if bits & 0x7fff_ffff > 0x7f80_0000 { nan } else { rounded }) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    #[test]
    fn every_f16_widens_as_the_half_crate_says() {
        for bits in 0..=u16::MAX {
            let expected = half::f16::from_bits(bits).to_f32();
            let got = f16_to_f32(bits);
            assert!(got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan()), "{bits:#06x}");
        }
    }

    #[test]
    fn every_f16_survives_the_round_trip() {
        for bits in 0..=u16::MAX {
            let back = f32_to_f16(f16_to_f32(bits));
            assert!(back == bits || half::f16::from_bits(bits).is_nan(), "{bits:#06x} became {back:#06x}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn narrowing_equals_the_half_crate(bits: u32) {
            let x = f32::from_bits(bits);
            if x.is_nan() {
                prop_assert!(half::f16::from_bits(f32_to_f16(x)).is_nan());
                prop_assert!(half::bf16::from_bits(f32_to_bf16(x)).is_nan());
            } else {
                prop_assert_eq!(f32_to_f16(x), half::f16::from_f32(x).to_bits());
                prop_assert_eq!(f32_to_bf16(x), half::bf16::from_f32(x).to_bits());
            }
        }

        #[test]
        fn narrowing_near_the_denormals_equals_the_half_crate(mantissa in 0u32..0x0080_0000, exponent in 96u32..146, negative: bool) {
            let x = f32::from_bits((u32::from(negative) << 31) | (exponent << 23) | mantissa);
            prop_assert_eq!(f32_to_f16(x), half::f16::from_f32(x).to_bits());
        }

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
