//! Trials are claimed, evaluated and recorded; any number of workers do this beside each other.

mod attempt;
mod run;
mod state;

pub use run::work;
pub use state::{Ended, Event, Options, ScoresFrom};
