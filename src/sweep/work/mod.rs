//! Trials are claimed, evaluated and recorded; any number of workers do this beside each other.

mod attempt;
mod evaluator;
mod schedule;
mod worker;

pub(crate) use attempt::same_file;
pub use evaluator::{Evaluator, Prepared, Queries, Request, SetScores, Trouble};
pub(crate) use schedule::{CONFIRM, EXTEND, SEARCH, UNPLANNED, file_of, place_of};
pub use schedule::{Schedule, read};
pub use worker::{Ended, Event, Options, work};
