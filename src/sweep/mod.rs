//! Studies over a recipe's parameters: points are chosen, merged in memory, scored, and recorded once.
//!
//! A [`Spec`] is read from a sweep file and pinned to the content of its checkpoints and data sets in a [`Study`], a folder
//! that any number of workers share. [`work`] is what a worker does; what scores a trial is an [`Evaluator`].
//!
//! The parts in the order in which a study meets them: `file` → `space` → `search` → `study` → `worker` → `trial` →
//! `analysis` → `export`.

mod analysis;
mod check;
mod confirm;
mod error;
mod export;
mod extend;
pub mod file;
pub(crate) mod hash;
mod retry;
mod search;
mod slurm;
pub mod space;
mod status;
mod study;
#[cfg(test)]
pub(crate) mod tests;
mod time_left;
mod trial;
mod worker;

pub use analysis::{
    Analysis, Choice, Chosen, Comparison, Depth, DirectionChange, Dropped, FrontPoint, LEVEL, LIMIT, MethodSummary,
    Near, NoRecommendation, NotShared, Optimism, Preference, Recommendation, ReferenceComparison, Row, SharedSet,
    Strata, StudyComparison, StudySummary, StudyTest, compare_studies, pareto_front, pick, recipe_text, recommend,
    trial_named,
};
pub use check::{Checked, Damage, check};
pub use confirm::confirm;
pub use error::Error;
pub use export::{comparison_json, journal, recommendation_json, to_csv, to_json, to_per_query_csv};
pub use extend::extend;
pub use file::{Bound, BoundKind, Spec};
pub use retry::retry;
pub use search::{History, next};
pub use slurm::{Slurm, slurm};
pub use status::{EncodedTokens, Running, Status};
#[cfg(feature = "eval")]
pub(crate) use study::Layout;
pub use study::{
    Change, Claim, Failure, Generation, HeldClaim, Lease, Loaded, Manifest, Mode, Model, Owner, PerQuery, Preview,
    Results, SameWeights, Schedule, Set, SetMeans, SetValues, Store, Study, Subject, Timings, TopDocuments, Trial,
    TrialResult, TrialStage, Variable, Watch, Written, load, read as read_records,
};
pub(crate) use time_left::time_left;
#[cfg(feature = "eval")]
pub use trial::{Estimate, Scorer, warnings};
pub use trial::{EvaluationError, Evaluator, Prepared, Queries, QueryScores, Request, query_sample};
pub use worker::{Ended, Event, Options, ScoresFrom, work};
