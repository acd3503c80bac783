//! Gram matrices of the inputs of linear layers.

use rayon::prelude::*;

use crate::kernel::{Mat, Matrix, Threads, multiply};

/// The side of a square that one thread computes at a time.
const SIDE: usize = 256;

/// What a linear layer, or several with the same inputs, get from texts.
#[derive(Debug)]
pub struct InputGram {
    /// The canonical names of the layers' weights.
    pub weights: Vec<String>,
    /// `Xᵀ·X` with one row of `X` for each token, padding left out.
    pub gram: Mat<f64>,
}

/// A sum of Gram matrices: blocks of tokens are multiplied in float32 and added up in float64, the same whatever the number of
/// threads.
#[derive(Debug)]
pub(super) struct GramTiles {
    width: usize,
    tiles: Vec<Tile>,
}

/// A square on the diagonal or above it.
#[derive(Debug)]
struct Tile {
    row: usize,
    column: usize,
    values: Vec<f64>,
}

impl GramTiles {
    /// A sum of nothing, for rows of this width.
    pub(super) fn new(width: usize) -> Self {
        let starts = || (0..width).step_by(SIDE);
        let side = |start: usize| SIDE.min(width - start);
        let tile = |(row, column)| Tile { row, column, values: vec![0.0; side(row) * side(column)] };
        let pairs =
            starts().flat_map(|row| starts().filter(move |column| *column >= row).map(move |column| (row, column)));
        Self { width, tiles: pairs.map(tile).collect() }
    }

    /// Adds the Gram matrix of some rows.
    pub(super) fn add(&mut self, rows: &[f32]) {
        let width = self.width;
        let count = rows.len().checked_div(width).unwrap_or(0);
        let columns = |start: usize| Matrix {
            values: rows.get(start..).unwrap_or_default(),
            rows: count,
            columns: SIDE.min(width - start),
            row_stride: width,
            column_stride: 1,
        };
        self.tiles.par_iter_mut().for_each(|tile| {
            let (left, right) = (columns(tile.row).transposed(), columns(tile.column));
            let mut product = vec![0.0; tile.values.len()];
            multiply(&mut product, right.columns, left, right, 1.0, Threads::One);
            tile.values.iter_mut().zip(product).for_each(|(sum, x)| *sum += f64::from(x));
        });
    }

    /// The whole matrix, times a factor.
    pub(super) fn finish(self, factor: f64) -> Mat<f64> {
        let mut gram = Mat::zeros(self.width, self.width);
        for tile in &self.tiles {
            let side = SIDE.min(self.width - tile.column);
            for (row, values) in tile.values.chunks_exact(side.max(1)).enumerate() {
                for (column, value) in values.iter().enumerate() {
                    let (row, column) = (tile.row + row, tile.column + column);
                    gram[(row, column)] = value * factor;
                    gram[(column, row)] = value * factor;
                }
            }
        }
        gram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gram_matrices_add_up() {
        for (width, count) in [(1, 3), (5, 2), (300, 7), (600, 1)] {
            let rows: Vec<f32> = (0..width * count).map(|index| ((index * 37) % 19) as f32 / 8.0 - 1.0).collect();
            let mut tiles = GramTiles::new(width);
            tiles.add(&rows);
            tiles.add(&rows[..width]);
            let gram = tiles.finish(0.5);
            let products = |row: usize, column: usize| {
                let all = rows.chunks_exact(width).chain(rows.chunks_exact(width).take(1));
                all.map(|x| f64::from(x[row]) * f64::from(x[column])).sum::<f64>() / 2.0
            };
            for (row, column) in
                [(0, 0), (0, width - 1), (width - 1, 0), (width / 2, width / 3), (width - 1, width - 1)]
            {
                assert!((gram[(row, column)] - products(row, column)).abs() < 1e-5, "{width}: {row}, {column}");
            }
        }
    }
}
