//! Merge, score and sweep in a few lines: builders whose defaults are those of the program.

mod error;
mod merge;
#[cfg(feature = "eval")]
mod score;
#[cfg(feature = "eval")]
mod sweep;
mod watch;

pub use error::Error;
pub use merge::{Merge, RecipeFile, RecipeSource};
#[cfg(feature = "eval")]
pub use score::{Score, ScoreReport, ScoredSet};
#[cfg(feature = "eval")]
pub use sweep::{Sweep, SweepReport};
#[cfg(all(feature = "cli", feature = "eval"))]
pub(crate) use sweep::{write_kept_merges, write_merge};
