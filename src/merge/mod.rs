//! Runs a plan: the tensors' tiles are read from the maps, combined and handed to a sink.
//!
//! TensorOp is cut into spans of a tensor, not into tensors, so that a large embedding runs on every thread. What a method
//! needs to know of a whole tensor (dot products, thresholds, norms) is found in passes of its own, as values that do
//! not depend on weights. Nothing here depends on the number of threads, the tile size or the SIMD level.

mod apply;
mod by_row;
mod compare;
mod error;
mod fusion;
mod gather;
mod gram;
mod joint;
mod lines;
mod made;
mod masks;
mod options;
mod run;
mod sample;
mod scores;
mod scratch;
mod sink;
mod span;
mod statistics;
mod threshold;

pub use compare::{Difference, compare};
pub use error::Error;
pub use options::{Access, Options, TILE};
pub use run::{Report, memory, run, run_again, work_bytes};
pub use sink::{Sink, SinkError};
pub use statistics::Statistics;
