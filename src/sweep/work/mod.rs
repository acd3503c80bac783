//! Trials are claimed, evaluated and recorded; any number of workers do this beside each other.

mod attempt;
mod evaluator;
mod schedule;
mod worker;

pub use evaluator::{Evaluator, Prepared, Queries, Request, SetScores, Trouble};
pub use schedule::Schedule;
pub use worker::{Ended, Event, Options, work};
