//! Runs a plan: reads tiles of the input tensors, merges them and hands the results to a sink.
//!
//! Work is cut into spans of a tensor, not into tensors, so that a large embedding runs on every thread. What a method
//! needs to know about a whole tensor (dot products, thresholds, norms) is a statistic. Statistics do not depend on weights
//! and are computed in passes of their own. Nothing here depends on the number of threads, the tile size or the SIMD level.
//!
//! `run` drives the merge: `passes` find each tensor's `statistic`, and `apply` computes the output from it. Both read the
//! inputs through `read`.

mod apply;
mod buffers;
mod compare;
mod context;
mod error;
mod options;
mod passes;
mod read;
mod rows;
mod run;
mod sink;
mod solved;
mod span;
mod stages;
mod statistic;
mod workers;

#[doc(hidden)]
pub use compare::{Difference, compare};
pub use error::Error;
#[doc(hidden)]
pub use options::{Access, LayerSolver, Options, TILE, Take};
pub use run::Report;
#[doc(hidden)]
pub use run::{memory, run, run_again, work_bytes};
pub use sink::{Sink, SinkError};
#[doc(hidden)]
pub use solved::read_input;
#[doc(hidden)]
pub use statistic::Statistics;
