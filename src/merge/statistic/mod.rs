//! Statistics: what a method needs to know of a whole tensor.
//!
//! They do not depend on weights or on an interpolation's position.

mod columns;
mod consensus;
mod fusion;
mod known;
mod mask;
mod need;
mod threshold;
mod value;

pub use known::Statistics;

pub(super) use columns::Columns;
pub(super) use consensus::{Consensus, consensus_tile, select_by_variance};
pub(super) use fusion::Fusion;
pub(super) use known::Dependencies;
pub(super) use mask::{Mask, RandomMask, row_of_masks};
pub(super) use need::{dots_along, effort, sums_task_vectors};
pub(super) use threshold::Threshold;
pub(super) use value::Statistic;
