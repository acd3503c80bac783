//! One trial: merged in memory, encoded, searched and scored as `merge` and then `score` would.

mod candidate_pool;
#[cfg(feature = "eval")]
mod corpus;
#[cfg(feature = "eval")]
mod estimate;
mod evaluator;
#[cfg(feature = "eval")]
mod fingerprints;
#[cfg(feature = "eval")]
mod memory;
#[cfg(feature = "eval")]
mod ranker;
#[cfg(feature = "eval")]
mod retrieval;
#[cfg(feature = "eval")]
mod scorer;
#[cfg(feature = "eval")]
mod warnings;

pub use candidate_pool::query_sample;
#[cfg(feature = "eval")]
pub use estimate::Estimate;
pub use evaluator::{EvaluationError, Evaluator, Prepared, Queries, QueryScores, Request};
#[cfg(feature = "eval")]
pub use scorer::Scorer;
#[cfg(feature = "eval")]
pub use warnings::warnings;
