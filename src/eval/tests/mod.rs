//! Metrics against `trec_eval`'s numbers and against a naive implementation.

mod goldens;
mod naive;
