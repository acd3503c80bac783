//! What the instructions of a machine do: compute a square of results, and lay out numbers in tiles.

#[cfg(target_arch = "x86_64")]
use super::tile::Instructions;
use super::tile::{Parts, SIDE, Square, Tile, TileLevel};
#[cfg(target_arch = "x86_64")]
use super::x86::{amx, avx512, pack};
use crate::kernel::Matrix;

impl TileLevel {
    /// Computes a square of results: 32 rows, in two bands of tiles, times 32 outputs. Its rows lie `stride` apart.
    pub(super) fn square(self, rows: [&[Tile]; 2], weights: &[Tile], parts: Parts, out: &mut [f32], stride: usize) {
        let tiles = rows[0].len();
        assert!(stride >= SIDE && out.len() >= (SIDE - 1) * stride + SIDE, "room for the results");
        assert!(rows[1].len() == tiles && weights.len() == 2 * tiles, "tiles of rows and of weights");
        assert!(tiles.is_multiple_of(parts.count()), "whole steps");
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "instructions that not every machine has")]
            // SAFETY: a level exists only where the machine has its instructions; the slices fit each other, as asserted.
            Instructions::Pairs => unsafe { avx512::square(rows, weights, parts, out, stride) },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "instructions that not every machine has")]
            // SAFETY: as above.
            Instructions::Amx => unsafe { amx::square(rows, weights, parts, out, stride) },
        }
    }

    /// Calls `f`, which computes many squares, with the machine prepared for it.
    pub(super) fn prepared<R>(self, f: impl FnOnce() -> R) -> R {
        #[cfg(target_arch = "x86_64")]
        let _configured = (self.0 == Instructions::Amx).then(amx::Configured::new);
        f()
    }

    /// Lays out rows, the numbers of each side by side: for every 16 rows and 32 columns the tiles of each part.
    /// Numbers are multiplied by `factor` before.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "this target has no level"))]
    pub(super) fn pack_rows(self, matrix: &Matrix<'_>, factor: f32, parts: Parts, tiles: &mut [Tile]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "instructions that not every machine has")]
            // SAFETY: every level has these instructions.
            Instructions::Pairs | Instructions::Amx => unsafe { pack::rows(matrix, factor, parts, tiles) },
        }
    }

    /// Lays out the results of 32 rows as columns `32 · step` and on of both their bands.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "this target has no level"))]
    pub(super) fn pack_square(self, square: &Square, step: usize, parts: Parts, bands: [&mut [Tile]; 2]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "instructions that not every machine has")]
            // SAFETY: every level has these instructions.
            Instructions::Pairs | Instructions::Amx => unsafe { pack::square(square, step, parts, bands) },
        }
    }

    /// Lays out weights, a column an output: for every 32 outputs and 32 inputs the tiles of the first and of the last 16 outputs,
    /// of each part. Either the inputs of an output or the outputs of an input lie side by side.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "this target has no level"))]
    pub(super) fn pack_weights(self, matrix: &Matrix<'_>, parts: Parts, tiles: &mut [Tile]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "instructions that not every machine has")]
            // SAFETY: every level has these instructions.
            Instructions::Pairs | Instructions::Amx if matrix.row_stride == 1 => unsafe {
                pack::columns(matrix, parts, tiles);
            },
            #[cfg(target_arch = "x86_64")]
            #[expect(unsafe_code, reason = "instructions that not every machine has")]
            // SAFETY: as above.
            Instructions::Pairs | Instructions::Amx => unsafe { pack::pairs(matrix, parts, tiles) },
        }
    }
}
