//! How a merge runs; none of this changes its result.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Error;
use crate::kernel::{BLOCK, Level};

/// Elements of a tile: 256 KiB of each f32 input, so that the inputs of a merge stay in the second-level cache.
pub const TILE: usize = 4 * BLOCK;

/// How a merge runs.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Threads; 0 for one a core.
    pub threads: usize,
    /// Elements of a tile, a multiple of [`BLOCK`].
    pub tile: usize,
    /// The instruction set.
    pub level: Level,
    /// Set from elsewhere to end the merge early.
    pub cancel: &'a AtomicBool,
    /// Called from the worker threads with the bytes read since its last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

impl Options<'_> {
    pub(super) fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// The tile size, made a whole number of blocks.
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
            .finish_non_exhaustive()
    }
}
