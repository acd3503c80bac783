//! Scores of a retriever: relevance judgements, rankings, metrics and the statistics that compare them.
//!
//! Numbers are those of `trec_eval` (through `pytrec_eval`), or of the tool that [`Compat`] names.

mod compat;
pub mod data;
mod error;
mod lines;
mod measure;
mod metric;
mod qrels;
mod run;
mod statistics;
#[cfg(test)]
mod tests;
mod types;

pub use compat::{Compat, Gain, MapDenominator, Missing, Order, Precision, Rules, Ties};
pub use data::{Oddity, OddityKind};
pub use error::{Error, LineProblem};
pub use lines::{Lines, open};
pub use measure::{Scores, evaluate, ranked};
pub use metric::{Measure, Metric, MetricError};
pub use qrels::{QrelsRow, QrelsRows};
pub use statistics::{Paired, bootstrap_interval, holm, paired, randomisation_p};
pub use types::{DataSet, DocumentId, Qrels, QueryId, Run, Text};
