//! The statistic of one tensor.

use super::{Columns, Consensus, Fusion, Mask};
use crate::kernel::Gram;

/// The statistic of one tensor.
#[derive(Clone, Debug)]
pub(in crate::merge) enum Statistic {
    /// The method needs none.
    None,
    /// The pairwise dot products of the vectors that are combined.
    Gram(Gram),
    /// The pairwise dot products of their columns.
    Columns(Columns),
    /// One mask for each task vector.
    Masks(Vec<Mask>),
    /// One factor for each task vector, for the elements that it alone changed.
    Factors(Vec<f64>),
    /// The weights and the selection of a consensus.
    Consensus(Consensus),
    /// The divergences and the threshold of a fusion.
    Fusion(Fusion),
}
