//! How a merge runs.

use std::collections::BTreeSet;

use super::error::Error;
use crate::kernel::{BLOCK, SimdLevel};
use crate::progress::Cancel;

/// Elements of a tile: 128 KiB of each f32 input, so that all inputs of a merge stay in the second-level cache.
pub const TILE: usize = 2 * BLOCK;

/// How tensors are read. Both go through the system's page cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// A system call copies each tile into a buffer that stays in the processor's cache. On Linux this is two to three
    /// times as fast as the map, because no pages are mapped for a single read and the kernel copies with large pages.
    #[default]
    Read,
    /// Tiles are used in place in a memory map, and their pages are released afterwards.
    Map,
}

/// How a merge runs.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Number of threads; 0 for one per core.
    pub threads: usize,
    /// Elements of a tile, a multiple of [`BLOCK`].
    pub tile: usize,
    /// The instruction set.
    pub level: SimdLevel,
    /// How tensors are read.
    pub access: Access,
    /// Ends the merge early.
    pub cancel: &'a Cancel,
    /// Called from the worker threads with the bytes read since its last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Computes the tensors that texts run through the models for, where the plan's method needs it.
    pub solver: Option<&'a dyn LayerSolver>,
}

impl Options<'_> {
    /// The tile size, rounded down to whole blocks, at least one.
    pub(super) fn tile(&self) -> usize {
        (self.tile / BLOCK).max(1) * BLOCK
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("threads", &self.threads)
            .field("tile", &self.tile)
            .field("level", &self.level)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// Computes the tensors of a plan that texts run through the models for.
pub trait LayerSolver: Sync {
    /// The plan's tensors that it computes. All others are merged without it.
    fn tensors(&self) -> &BTreeSet<usize>;

    /// Computes them, in an order of its own, and hands each to `take`.
    ///
    /// # Errors
    /// Whatever keeps it from computing them, and errors of `take`.
    fn solve(&self, options: &Options<'_>, take: &mut Take<'_>) -> Result<(), Error>;
}

/// Takes the elements of one of the plan's tensors.
pub type Take<'a> = dyn FnMut(usize, &[f64]) -> Result<(), Error> + Send + 'a;
