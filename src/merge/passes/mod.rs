//! Passes over the inputs that find the statistics of tensors.

mod collect;
mod consensus;
mod factors;
mod fusion;
mod gram;
mod masks;
mod memory;
mod norms;
mod rank;

pub(super) use collect::collect_statistics;
pub(super) use memory::memory;
