//! Tiles, the unit of products.

use std::ops::Range;

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

/// How many bfloat16 numbers stand for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// The number rounded.
    One,
    /// The number rounded and what is left of it, rounded.
    Two,
}

impl Parts {
    pub(super) fn count(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}
