//! The two types that merges are computed in.

use super::DType;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// `f32`, or `f64` when an input or the recipe asks for it.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + bytemuck::Pod
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    /// The bits of a magnitude, which order as magnitudes do.
    type Bits: Copy + Debug + Default + Ord + Send + Sync + Into<u64> + 'static;
    /// A magnitude's bits and an index packed into one number, which orders by magnitude first.
    type Ranked: Copy + Debug + Ord + Send + 'static;
    /// The type's own format.
    const FLOAT: DType;
    /// Number of bits of a magnitude: those of the type without the sign.
    const MAGNITUDE_BITS: u32;
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The bits of infinity; magnitudes with these bits or more are not finite.
    const INFINITY: Self::Bits;

    /// The nearest value.
    fn of(x: f64) -> Self;
    /// Exact.
    fn of_f32(x: f32) -> Self;
    /// Exact.
    fn double(self) -> f64;
    /// Rounded to nearest even.
    fn single(self) -> f32;
    /// The bits of the nearest binary16, ties to even.
    fn f16_bits(self) -> u16;
    /// The bits of the nearest bfloat16, ties to even.
    fn bf16_bits(self) -> u16;
    /// |x|.
    #[must_use]
    fn magnitude(self) -> Self;
    /// The bits of |x|.
    fn magnitude_bits(self) -> Self::Bits;
    /// Converts bits from `u64`.
    fn bits(bits: u64) -> Self::Bits;
    /// Packs a magnitude's bits and an index.
    fn ranked(bits: Self::Bits, index: u32) -> Self::Ranked;
    /// The index that [`Real::ranked`] packed.
    fn index(ranked: Self::Ranked) -> u32;
}

#[expect(clippy::inline_always, reason = "used inside kernels that are compiled for several instruction sets")]
impl Real for f32 {
    type Bits = u32;
    type Ranked = u64;
    const FLOAT: DType = DType::F32;
    const MAGNITUDE_BITS: u32 = 31;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const INFINITY: u32 = 0x7f80_0000;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x as Self
    }
    #[inline(always)]
    fn of_f32(x: f32) -> Self {
        x
    }
    #[inline(always)]
    fn double(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn single(self) -> f32 {
        self
    }
    #[inline(always)]
    fn f16_bits(self) -> u16 {
        super::half::f32_to_f16(self)
    }
    #[inline(always)]
    fn bf16_bits(self) -> u16 {
        super::half::f32_to_bf16(self)
    }
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn magnitude_bits(self) -> u32 {
        self.to_bits() & 0x7fff_ffff
    }
    #[inline(always)]
    fn bits(bits: u64) -> u32 {
        bits as u32
    }
    #[inline(always)]
    fn ranked(bits: u32, index: u32) -> u64 {
        u64::from(bits) << 32 | u64::from(index)
    }
    #[inline(always)]
    fn index(ranked: u64) -> u32 {
        ranked as u32
    }
}

#[expect(clippy::inline_always, reason = "used inside kernels that are compiled for several instruction sets")]
impl Real for f64 {
    type Bits = u64;
    type Ranked = u128;
    const FLOAT: DType = DType::F64;
    const MAGNITUDE_BITS: u32 = 63;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const INFINITY: u64 = 0x7ff0_0000_0000_0000;

    #[inline(always)]
    fn of(x: f64) -> Self {
        x
    }
    #[inline(always)]
    fn of_f32(x: f32) -> Self {
        Self::from(x)
    }
    #[inline(always)]
    fn double(self) -> f64 {
        self
    }
    #[inline(always)]
    fn single(self) -> f32 {
        self as f32
    }
    #[inline(always)]
    fn f16_bits(self) -> u16 {
        half::f16::from_f64(self).to_bits()
    }
    #[inline(always)]
    fn bf16_bits(self) -> u16 {
        half::bf16::from_f64(self).to_bits()
    }
    #[inline(always)]
    fn magnitude(self) -> Self {
        self.abs()
    }
    #[inline(always)]
    fn magnitude_bits(self) -> u64 {
        self.to_bits() & 0x7fff_ffff_ffff_ffff
    }
    #[inline(always)]
    fn bits(bits: u64) -> u64 {
        bits
    }
    #[inline(always)]
    fn ranked(bits: u64, index: u32) -> u128 {
        u128::from(bits) << 32 | u128::from(index)
    }
    #[inline(always)]
    fn index(ranked: u128) -> u32 {
        ranked as u32
    }
}
