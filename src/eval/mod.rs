//! Scores retrievers: data sets, exact search, relevance judgements, metrics, and statistical comparisons.
//!
//! Numbers agree with `trec_eval` (through `pytrec_eval`), or with the tool that [`Compat`] names.

#[cfg(feature = "eval")]
mod best;
#[cfg(feature = "eval")]
mod candidates;
#[cfg(feature = "eval")]
mod cocktail;
mod columns;
mod compat;
pub mod data;
#[cfg(feature = "eval")]
mod dense_search;
mod error;
#[cfg(feature = "eval")]
mod families;
mod fields;
mod first_stage;
#[cfg(feature = "eval")]
mod hybrid_score;
mod inflate;
#[cfg(feature = "eval")]
mod late_score;
mod lines;
#[cfg(feature = "eval")]
mod max_sim;
mod measure;
mod metric;
mod numbered;
#[cfg(feature = "eval")]
mod parts;
mod qrels;
#[cfg(feature = "eval")]
mod rerank;
mod run;
#[cfg(feature = "eval")]
mod score;
#[cfg(feature = "eval")]
mod search;
#[cfg(feature = "eval")]
mod sparse_search;
mod statistics;
#[cfg(feature = "eval")]
mod task;
#[cfg(test)]
mod tests;
#[cfg(feature = "eval")]
mod texts;
mod types;
mod warning;

#[cfg(feature = "eval")]
pub use best::Hit;
#[cfg(feature = "eval")]
pub use candidates::Candidates;
#[cfg(feature = "eval")]
pub use cocktail::{Example, cocktail_weights, contrastive_loss};
pub use compat::{Compat, Gain, MapDenominator, Missing, Order, Precision, Rules, Ties};
#[cfg(feature = "eval")]
pub use dense_search::{SelectedRows, search};
pub use error::{Error, LineError};
#[cfg(feature = "eval")]
pub use families::Family;
#[cfg(all(feature = "cli", feature = "eval"))]
pub(crate) use first_stage::file_name;
#[cfg(feature = "eval")]
pub(crate) use first_stage::read_ranking;
pub(crate) use first_stage::{is_ranking, ranking_of};
#[cfg(feature = "eval")]
pub use hybrid_score::score_hybrid;
pub use lines::{Lines, open};
#[cfg(feature = "eval")]
pub use max_sim::{MaxSim, SelectedTexts};
pub use measure::{Scores, counted_queries, evaluate, ranked};
pub use metric::{Measure, Metric, MetricError};
pub use qrels::{QrelsRow, QrelsRows};
#[cfg(feature = "eval")]
pub use rerank::{RerankTask, rerank};
#[cfg(feature = "eval")]
pub use score::score;
#[cfg(feature = "eval")]
pub use search::Similarity;
pub(crate) use statistics::{BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED, draw, percentile};
pub use statistics::{Paired, bootstrap_interval, holm, paired, randomisation_p};
#[cfg(all(feature = "cli", feature = "eval"))]
pub(crate) use task::RANKING_DEPTH;
#[cfg(feature = "eval")]
pub(crate) use task::ranking_depth;
#[cfg(feature = "eval")]
pub use task::{EncodingProgress, ScoreError, SetScores, Task};
#[cfg(feature = "eval")]
pub use texts::{Prompts, Texts, TokenisedTexts};
pub use types::{DataSet, DocumentId, Qrels, QueryId, Run, Text};
pub use warning::{DataWarning, DataWarningKind};
