//! Analyses results: means with intervals and tests, the Pareto front, and picks.

mod pareto;
mod pick;
mod recommend;
mod resample;
mod statistics;
mod table;

pub use pareto::pareto_front;
pub use pick::{pick, recipe_text, trial_named};
pub(in crate::sweep) use recommend::shortlist;
pub use recommend::{DirectionChange, LIMIT, Near, NoRecommendation, Preference, Recommendation, recommend};
pub use statistics::{Comparison, Strata};
pub use table::{Analysis, Depth, Dropped, LEVEL, ReferenceComparison, Row};
