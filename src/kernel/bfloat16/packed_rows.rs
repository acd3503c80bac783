//! The rows that are multiplied with weights, laid out in tiles.

use rayon::prelude::*;

use super::tile::{DEPTH, Parts, SIDE, Square, Tile, TileLevel};
use crate::kernel::Matrix;

/// Rows of bfloat16 numbers in tiles: for every 16 rows and 32 columns a tile of rounded numbers and, in two parts, a tile of
/// what is left behind it.
#[derive(Debug, Default)]
pub struct PackedRows {
    tiles: Vec<Tile>,
    /// Number of tiles of 16 rows.
    band: usize,
}

impl PackedRows {
    /// Makes room for rows of so many numbers. What is there stays until it is written, also between the last row and the next
    /// multiple of 32, whose results nobody reads.
    pub(super) fn reset(&mut self, rows: usize, width: usize, parts: Parts) {
        self.band = width.div_ceil(DEPTH) * parts.count();
        let count = rows.div_ceil(SIDE) * 2 * self.band;
        if self.tiles.len() < count {
            self.tiles.resize(count, Tile::ZERO);
        }
    }

    /// Takes in the rows of a matrix, the numbers of each side by side, times `factor`.
    pub(super) fn pack(&mut self, level: TileLevel, matrix: &Matrix<'_>, factor: f32, parts: Parts) {
        self.reset(matrix.rows, matrix.columns, parts);
        if self.band > 0 {
            level.pack_rows(matrix, factor, parts, &mut self.tiles);
        }
    }

    /// Lays out rows of `width` numbers, rounded, on all threads, in place of what was there.
    pub fn take_in(&mut self, level: TileLevel, values: &[f32], width: usize) {
        let parts = Parts::One;
        self.reset(values.len().checked_div(width).unwrap_or(0), width, parts);
        if self.band == 0 {
            return;
        }
        let rows = values.par_chunks(SIDE * width).map(|rows| Matrix::of_rows(rows, width));
        self.tiles
            .par_chunks_mut(2 * self.band)
            .zip(rows)
            .for_each(|(tiles, rows)| level.pack_rows(&rows, 1.0, parts, tiles));
    }

    /// Takes in the results of 32 rows as columns `32 · step` and on.
    pub(super) fn pack_square(&mut self, level: TileLevel, square: usize, step: usize, results: &Square, parts: Parts) {
        let bands = &mut self.tiles[2 * square * self.band..2 * (square + 1) * self.band];
        let (upper, lower) = bands.split_at_mut(self.band);
        level.pack_square(results, step, parts, [upper, lower]);
    }

    /// The tiles of 32 rows, in two bands of 16.
    pub(super) fn bands(&self, square: usize) -> [&[Tile]; 2] {
        let first = 2 * square * self.band;
        let (upper, lower) = self.tiles[first..first + 2 * self.band].split_at(self.band);
        [upper, lower]
    }
}
