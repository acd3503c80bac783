//! Conversion of binary16 and bfloat16 to and from float32.
//!
//! Branch-free integer code, which vectorises at every SIMD level, so that all levels give the same bits, denormals and
//! NaN included.

/// Widens a binary16, exactly. One multiplication makes a denormal normal and also corrects the exponent's bias.
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

/// Rounds to binary16, to nearest even; too large a number becomes infinity, and denormals are kept.
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

/// Rounds to bfloat16, to nearest even.
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
    }
}
