//! Studies over a recipe's parameters: points are chosen, merged in memory, scored, and recorded once.
//!
//! A [`Spec`] is read from a sweep file and frozen with the content of its checkpoints and data sets into a [`Study`], a
//! folder that any number of workers share. [`work`] is what a worker does; what scores a trial is an [`Evaluator`].

mod actions;
mod analysis;
mod check;
mod error;
#[cfg(feature = "eval")]
mod evaluator;
mod export;
mod front;
pub(crate) mod hash;
mod pick;
mod pool;
mod resample;
mod search;
mod slurm;
pub mod spec;
mod statistics;
mod status;
mod store;
mod study;
#[cfg(test)]
pub(crate) mod tests;
mod work;

pub use actions::{confirm, extend, retry};
pub use analysis::{Analysis, Depth, Dropped, LEVEL, Row, Versus};
pub use check::{Checked, Damage, check};
pub use error::Error;
#[cfg(feature = "eval")]
pub use evaluator::{Estimate, Scorer, warnings};
pub use export::{journal, to_csv, to_json, to_per_query_csv};
pub use front::front;
pub use pick::{Bound, BoundKind, pick, recipe_text};
pub use pool::{pool, tops};
pub use search::{History, next};
pub use slurm::{Slurm, slurm};
pub use spec::Spec;
pub use statistics::{Comparison, Strata};
pub use status::{Running, Status};
pub use store::{
    Claim, Done, Failure, Lease, Mode, Owner, PerQuery, Put, Results, Same, SetMeans, SetValues, Store, Taken, Timings,
    Watch,
};
pub use study::{Frozen, Generation, Loaded, Model, Set, Stage, Study, Subject, Trial, load};
pub use work::{
    Ended, Evaluator, Event, Options, Prepared, Queries, Request, Schedule, SetScores, Trouble, read as read_records,
    work,
};
