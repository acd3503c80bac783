//! Learns the parameters of a recipe: a coefficient for each group of tensors (layers, kinds of sublayers, scripts of the
//! vocabulary), from pairs of queries and documents, or from texts alone.
//!
//! The groups are those of [`crate::granularity`]. `coefficients` says which parameter values they stand for, `weights` merges in memory,
//! `data` and `rows` prepare texts, `tasks` and `objective` have the losses, `linearised` the embeddings as straight lines in the
//! coefficients, `fit` their minimum, and `run` is the rounds.

mod adam;
mod bits;
mod coefficients;
mod data;
mod error;
mod export;
mod fit;
mod inputs;
mod linearised;
mod merged;
mod objective;
mod outcome;
mod pool;
mod request;
mod result;
mod rows;
mod run;
mod similarity;
mod state;
mod tasks;
mod teaching;
mod text;
mod weights;

pub use crate::granularity::{By, Unit};
pub use error::Error;
pub use request::{Agreement, Event, Request, Settings};
pub use result::{Agreed, Coefficient, Comparison, Learned};
pub use run::learn;
pub(crate) use weights::{Merged, Table};
