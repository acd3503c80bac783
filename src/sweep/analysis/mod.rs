//! What the results say: means with intervals and tests, the Pareto front, and picks.

mod pareto;
mod pick;
mod recommend;
mod resample;
mod statistics;
mod table;

pub use pareto::pareto_front;
pub use pick::{pick, recipe_text, trial_named};
pub use recommend::{DirectionChange, LIMIT, Near, NoRecommendation, Preference, Recommendation, recommend};
pub(in crate::sweep) use recommend::{Limit, limits, shortlist};
pub use statistics::{Comparison, Strata};
pub use table::{Analysis, Depth, Dropped, LEVEL, ReferenceComparison, Row};
