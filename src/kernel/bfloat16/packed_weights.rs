//! The weights of a linear layer, laid out for products.

use rayon::prelude::*;

use super::tile::{DEPTH, Parts, SIDE, Tile, TileLevel};
use crate::kernel::Matrix;

/// The weights and the bias of a linear layer, laid out for products.
#[derive(Clone, Debug)]
pub struct PackedWeights {
    pub(super) level: TileLevel,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) parts: Parts,
    /// For every 32 outputs and 32 inputs: the tiles of the first and of the last 16 outputs, rounded, and in two parts
    /// those of what is left.
    pub(super) tiles: Vec<Tile>,
    /// Zeros follow up to a whole number of squares.
    pub(super) bias: Vec<f32>,
}

impl PackedWeights {
    /// Lays out weights with a row of `inputs` numbers for each output. The bias has a number for each output or is empty.
    pub fn new(level: TileLevel, weights: &[f32], bias: &[f32], inputs: usize, parts: Parts) -> Self {
        let outputs = weights.len().checked_div(inputs).unwrap_or(0);
        let (steps, panels) = (inputs.div_ceil(DEPTH), outputs.div_ceil(SIDE));
        let mut tiles = vec![Tile::ZERO; panels * steps * 2 * parts.count()];
        tiles.par_chunks_mut((steps * 2 * parts.count()).max(1)).enumerate().for_each(|(panel, tiles)| {
            let rows = panel * SIDE..((panel + 1) * SIDE).min(outputs);
            let rows = Matrix::of_rows(&weights[rows.start * inputs..rows.end * inputs], inputs);
            level.pack_weights(&rows.transposed(), parts, tiles);
        });
        let mut padded = vec![0.0; panels * SIDE];
        padded.iter_mut().zip(bias).for_each(|(out, x)| *out = *x);
        Self { level, inputs, outputs, parts, tiles, bias: padded }
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The number of tiles of each part that are added up for a result.
    pub(super) fn steps(&self) -> usize {
        self.inputs.div_ceil(DEPTH)
    }

    /// The tiles of 32 outputs.
    pub(super) fn panel(&self, number: usize) -> &[Tile] {
        let size = self.steps() * 2 * self.parts.count();
        &self.tiles[number * size..(number + 1) * size]
    }

    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(SIDE)
    }
}
