//! Scores that depend on the relative positions of two tokens, over texts that lie one after the other, on the CPU.

use std::ops::Range;

use candle_core::{Result as Computed, Tensor};

use super::super::layers::attention::Attention;
use super::super::layers::disentangled::{PositionProjections, PositionTable};
use super::super::layers::values::with_values;
use crate::kernel::{self, Matrix, Threads};

/// The relative positions of one layer.
pub(super) struct PackedPositions<'a> {
    projections: &'a PositionProjections,
    table: &'a PositionTable,
    heads: usize,
    size: usize,
    scale: f32,
}

/// One head's queries and keys of one text.
pub(super) struct MetTokens<'a> {
    pub(super) head: usize,
    pub(super) query: Matrix<'a>,
    pub(super) key: Matrix<'a>,
    /// The first query, the first key, and the length of the text.
    pub(super) first: usize,
    pub(super) start: usize,
    pub(super) length: usize,
}

impl<'a> PackedPositions<'a> {
    pub(super) fn new(projections: &'a PositionProjections, table: &'a PositionTable, attention: &Attention) -> Self {
        let Attention { heads, size, scale, .. } = *attention;
        Self { projections, table, heads, size, scale }
    }

    /// The numbers of all vectors that tokens of a text of that length meet.
    pub(super) fn range(&self, length: usize) -> Range<usize> {
        let last = length.saturating_sub(1);
        let (lowest, highest) = (self.table.row(0, length).last(), self.table.row(last, length).first());
        lowest.map_or(0, |number| *number as usize)..highest.map_or(0, |number| *number as usize + 1)
    }

    /// Adds to the scores of each query, whose rows lie `stride` apart, what it and the keys meet. `met` are the numbers of
    /// [`PackedPositions::range`]; `buffer` has room for all tokens' products with them.
    pub(super) fn add(
        &self,
        of: &MetTokens<'_>,
        met: Range<usize>,
        buffer: &mut [f32],
        (scores, stride): (&mut [f32], usize),
    ) -> Computed<()> {
        let (width, lowest) = (met.len(), met.start);
        let (of_queries, of_keys) = buffer.split_at_mut(of.query.rows * width);
        let keys = of.start..of.start + of.key.rows;
        if let Some(positions) = &self.projections.keys {
            self.multiply(of.head, of.query, positions, &met, of_queries)?;
            for (row, scores) in scores.chunks_exact_mut(stride).enumerate() {
                let numbers = &self.table.row(of.first + row, of.length)[keys.clone()];
                let products = &of_queries[row * width..][..width];
                for (score, number) in scores.iter_mut().zip(numbers) {
                    *score += products[*number as usize - lowest];
                }
            }
        }
        if let Some(positions) = &self.projections.queries {
            self.multiply(of.head, of.key, positions, &met, of_keys)?;
            for (row, scores) in scores.chunks_exact_mut(stride).enumerate() {
                let numbers = &self.table.row(of.first + row, of.length)[keys.clone()];
                for ((score, number), products) in scores.iter_mut().zip(numbers).zip(of_keys.chunks_exact(width)) {
                    *score += products[*number as usize - lowest];
                }
            }
        }
        Ok(())
    }

    /// The products of one head's tokens with some positions, a row a token.
    fn multiply(
        &self,
        head: usize,
        tokens: Matrix<'_>,
        positions: &Tensor,
        met: &Range<usize>,
        out: &mut [f32],
    ) -> Computed<()> {
        let columns = self.heads * self.size;
        with_values(positions, |values| {
            let positions = Matrix {
                values: &values[met.start * columns + head * self.size..],
                rows: met.len(),
                columns: self.size,
                row_stride: columns,
                column_stride: 1,
            };
            kernel::multiply(out, met.len(), tokens, positions.transposed(), self.scale, Threads::One);
            Ok(())
        })
    }
}
