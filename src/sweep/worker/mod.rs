//! Workers claim, evaluate and record trials. Any number of workers can run in parallel.

mod attempt;
mod run;
mod state;

pub use run::work;
pub use state::{Ended, Event, Options, ScoresFrom};
