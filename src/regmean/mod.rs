//! Solves the linear layers of a merge by `regmean`: texts run through all models, layer by layer, and each layer's matrix is fitted to
//! what it gets as inputs.
//!
//! [`Solver::open`] reads the texts and finds the layers, [`merge::run`](crate::merge::run) asks it for their matrices. One layer of
//! one model is in memory at a time, with the vectors of all tokens in front of it.

mod error;
mod layer;
mod layers;
mod merged;
mod model;
mod solver;
mod texts;

pub use error::Error;
pub use solver::Solver;
