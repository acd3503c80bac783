//! Tiles, the unit of products, and the instructions that multiply them.

use std::ops::Range;
use std::sync::LazyLock;

use crate::kernel::SimdLevel;

/// Number of rows of a tile.
pub(super) const HEIGHT: usize = 16;
/// Number of bfloat16 numbers in a row of a tile.
pub(super) const DEPTH: usize = 32;
/// The side of the square of results that is computed at a time.
pub(super) const SIDE: usize = 2 * HEIGHT;

/// 16 rows of 32 bfloat16 numbers. Of weights, row `i` has inputs 2i and 2i + 1 of 16 outputs, output after output.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile(pub(super) [[u16; DEPTH]; HEIGHT]);

impl Tile {
    pub(super) const ZERO: Self = Self([[0; DEPTH]; HEIGHT]);
}

/// A square of results: 32 rows of 32 numbers.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub(super) struct Square(pub(super) [[f32; SIDE]; SIDE]);

impl Square {
    pub(super) const ZERO: Self = Self([[0.0; SIDE]; SIDE]);
}

/// Computes a square of results into columns of up to 32 rows that lie `stride` apart, the last of which may end behind
/// them. `square` gets a place for all of it, and the distance between its rows.
pub(super) fn write_square(
    out: &mut [f32],
    stride: usize,
    columns: Range<usize>,
    square: impl FnOnce(&mut [f32], usize),
) {
    if columns.len() == SIDE && out.len() >= (SIDE - 1) * stride + columns.end {
        square(&mut out[columns.start..], stride);
        return;
    }
    let mut results = Square::ZERO;
    square(results.0.as_flattened_mut(), SIDE);
    for (out, values) in out.chunks_mut(stride).zip(&results.0) {
        out[columns.clone()].copy_from_slice(&values[..columns.len()]);
    }
}

/// Instructions of this machine that multiply bfloat16 numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileLevel(pub(super) Instructions);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instructions {
    /// AVX-512's products of pairs.
    #[cfg(target_arch = "x86_64")]
    Pairs,
    /// AMX, whose registers are whole tiles.
    #[cfg(target_arch = "x86_64")]
    Amx,
}

impl TileLevel {
    /// All of this machine, slowest first; none on most.
    pub fn available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "this target has none"))]
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if SimdLevel::available().iter().any(|level| level.name() == "avx512") && is_x86_feature_detected!("avx512bf16")
        {
            levels.push(Self(Instructions::Pairs));
            if super::x86::amx::permitted() {
                levels.push(Self(Instructions::Amx));
            }
        }
        levels
    }

    /// Whether three products of halves are faster than one of float32 numbers.
    pub fn splits(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Pairs => false,
            #[cfg(target_arch = "x86_64")]
            Instructions::Amx => true,
        }
    }
}

/// The fastest instructions of this machine, if it has any, and `ADMIX_SIMD` does not ask for others.
pub fn tile_level() -> Option<TileLevel> {
    static BEST: LazyLock<Option<TileLevel>> = LazyLock::new(|| {
        let asked = std::env::var_os("ADMIX_SIMD").is_some();
        TileLevel::available().last().copied().filter(|_| !asked)
    });
    *BEST
}
