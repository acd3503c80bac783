//! Learns the parameters of a recipe by gradient: a coefficient for each group of tensors (layers, kinds of sublayers, scripts of
//! the vocabulary), from pairs of queries and documents, or from texts alone.
//!
//! The groups are those of [`crate::granularity`]. `coefficients` says which parameter values they stand for, `weights` merges in memory and
//! projects gradients onto the coefficients, `data` prepares texts, `objective` has the losses, and `run` is the loop.

mod adam;
mod bits;
mod coefficients;
mod data;
mod error;
mod export;
mod inputs;
mod merged;
mod mining;
mod objective;
mod outcome;
mod pool;
mod request;
mod result;
mod run;
mod similarity;
mod state;
mod step;
mod teaching;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
mod text;
mod weights;

pub use crate::granularity::{By, Unit};
pub use error::Error;
pub use request::{Agreement, Event, Request, Settings};
pub use result::{Agreed, Coefficient, Comparison, Learned};
pub use run::learn;
pub(crate) use weights::{Merged, Table};
