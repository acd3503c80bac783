//! Steps: the operation on every tile of a tensor.

use std::ops::Range;

use super::by_row::RowSteps;
use super::combine::ColumnCoefficients;
use crate::merge::rows::tile_of_rows;
use crate::merge::statistic::{Consensus, Fusion, Mask, consensus_tile, row_of_masks};
use crate::method::{Arguments, MaskedSum, MatrixUpdate, Pairwise};
use crate::plan::Input;

/// The operation on every tile of a tensor.
pub(in crate::merge) enum Step {
    /// Copies the bytes of the first source.
    Copy,
    /// Sums the inputs by weights. Inputs of coefficient zero are left out.
    Combine { inputs: Vec<Input>, coefficients: Vec<f64> },
    /// Adds a weighted sum of task vectors to the first input, from which they are taken.
    CombineTaskVectors { inputs: Vec<Input>, coefficients: Vec<f64> },
    /// Does either with coefficients for each row of `row` elements, computed from the row's dot products.
    CombineRows { inputs: Vec<Input>, task_vectors: bool, row: usize, arguments: Arguments },
    /// Does either with coefficients for each column.
    CombineColumns { inputs: Vec<Input>, task_vectors: bool, coefficients: ColumnCoefficients },
    /// Adds a masked sum of task vectors to the first input.
    Masked { inputs: Vec<Input>, terms: MaskedSum, masks: Vec<Mask> },
    /// Adds a sum of task vectors to the first input, each element divided by the number of those above `epsilon`.
    Overlap { inputs: Vec<Input>, epsilon: f64, factors: Vec<f64> },
    /// Adds a sum of the task vectors' elements that agree in their sign to the first input.
    Consensus { inputs: Vec<Input>, consensus: Consensus },
    /// Takes the second input where it differs most from the first.
    Fuse { inputs: Vec<Input>, fusion: Fusion },
    /// Computes a function of two inputs.
    Pairwise { inputs: Vec<Input>, function: Pairwise },
    /// Adds an update that is computed from whole task matrices to the first input.
    Matrix { inputs: Vec<Input>, update: MatrixUpdate, arguments: Arguments, elements: usize },
    /// Applies a step for each class of rows.
    ByRow(Box<RowSteps<Step>>),
}

impl Step {
    /// The inputs that are read.
    pub(in crate::merge) fn inputs(&self) -> &[Input] {
        match self {
            Self::Copy => &[],
            Self::ByRow(rows) => &rows.inputs,
            Self::Combine { inputs, .. }
            | Self::CombineTaskVectors { inputs, .. }
            | Self::CombineRows { inputs, .. }
            | Self::CombineColumns { inputs, .. }
            | Self::Masked { inputs, .. }
            | Self::Overlap { inputs, .. }
            | Self::Consensus { inputs, .. }
            | Self::Fuse { inputs, .. }
            | Self::Matrix { inputs, .. }
            | Self::Pairwise { inputs, .. } => inputs,
        }
    }

    /// For a consensus, whether all models have the same weight because they differ too little.
    pub(in crate::merge) fn is_uniform(&self) -> Option<bool> {
        if let Self::Consensus { consensus, .. } = self { Some(consensus.uniform) } else { None }
    }

    /// Number of elements of a tile: `tile`, or where rows must be whole, as many rows as fit in it, at least one.
    pub(in crate::merge) fn tile(&self, tile: usize) -> usize {
        match self {
            Self::Consensus { consensus, .. } => consensus_tile(consensus.selected.as_ref(), tile),
            Self::ByRow(rows) => rows.any().map_or(tile, |step| step.tile(tile)),
            _ => self.row().map_or(tile, |row| tile_of_rows(tile, row)),
        }
    }

    /// Extends `range` to the smallest range that can be computed on its own.
    pub(in crate::merge) fn widen(&self, range: &Range<usize>, elements: usize) -> Range<usize> {
        match self.row() {
            Some(row) => range.start / row * row..range.end.next_multiple_of(row).min(elements),
            None => range.clone(),
        }
    }

    /// The length of rows that a tile must not split.
    fn row(&self) -> Option<usize> {
        match self {
            Self::CombineRows { row, .. } => Some(*row),
            Self::Matrix { elements, .. } => Some(*elements),
            Self::Masked { masks, .. } => row_of_masks(masks),
            Self::ByRow(rows) => rows.any().and_then(Self::row),
            _ => None,
        }
    }
}
