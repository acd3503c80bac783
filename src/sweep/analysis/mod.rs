//! Analyses results: means with intervals and tests, the Pareto front, and picks.

mod choice;
mod optimism;
mod pareto;
mod pick;
mod recommend;
mod resample;
mod shared;
mod statistics;
mod studies;
mod table;

pub use choice::Choice;
pub use optimism::Optimism;
pub use pareto::pareto_front;
pub use pick::{pick, recipe_text, trial_named};
pub use recommend::{DirectionChange, LIMIT, Near, NoRecommendation, Preference, Recommendation, recommend};
pub(in crate::sweep) use recommend::{Limit, limits, shortlist};
pub use shared::{NotShared, SharedSet};
pub use statistics::{Comparison, Strata};
pub use studies::{Chosen, FrontPoint, MethodSummary, StudyComparison, StudySummary, StudyTest, compare_studies};
pub use table::{Analysis, Depth, Dropped, LEVEL, ReferenceComparison, Row};
