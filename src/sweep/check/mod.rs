//! Reads everything that a study has and sets damaged files aside, so that only their part is done again.

mod plan;
mod records;
mod run;
mod same_weights;
mod state;

pub use run::check;
pub use state::{Checked, Damage};
