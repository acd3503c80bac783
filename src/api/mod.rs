//! Builders for merges, learned recipes, scorings and sweeps, with the program's defaults, and a look into model folders.

#[cfg(feature = "eval")]
mod candidates;
mod error;
#[cfg(feature = "eval")]
mod first_stage;
mod inspect;
#[cfg(feature = "eval")]
mod learn;
mod merge;
#[cfg(feature = "eval")]
mod score;
#[cfg(feature = "eval")]
mod sweep;
mod watch;

pub use error::Error;
#[cfg(feature = "eval")]
pub use first_stage::FirstStage;
pub use inspect::{Differences, Grouping, Inspection, TensorGroup};
#[cfg(feature = "eval")]
pub use learn::Learn;
pub use merge::{Merge, RecipeFile, RecipeSource};
#[cfg(feature = "eval")]
pub use score::{Score, ScoreReport, ScoredSet};
#[cfg(feature = "eval")]
pub use sweep::{Sweep, SweepReport};
#[cfg(feature = "eval")]
pub use sweep::{write_kept_merges, write_merge};
