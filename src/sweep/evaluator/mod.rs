//! Trials on real models: merged in memory, encoded, searched and scored as `merge` and then `score` would.

mod corpus;
mod estimate;
mod memory;
mod prints;
mod scorer;
mod warnings;

pub use estimate::Estimate;
pub use scorer::Scorer;
pub use warnings::warnings;
