//! Reads retrieval data sets from disk: BEIR, MTEB, MS MARCO, TREC, parallel text, or sentence-transformers' three JSON
//! files.

mod beir;
mod collect;
mod composed;
mod delimited;
mod detect;
mod error;
mod files;
mod judgements;
mod language;
mod layout;
mod lines;
mod mteb;
mod named;
mod open;
#[cfg(feature = "parquet")]
mod pages;
mod parallel;
#[cfg(feature = "parquet")]
mod parquet;
mod plain;
mod readme;
mod record;
mod rows;
mod script;
mod settings;
mod split;
mod summary;
mod tasks;
mod texts;
mod three_json;
mod trec;
mod warnings;

pub use error::Error;
pub use layout::Form;
pub use named::{Located, Named, locate};
pub use open::{Opened, Options, inspect, open};
pub use plain::plain_texts;
pub use script::Script;
pub use summary::{Side, Summary};
pub use tasks::{Task, nearest_task, task, tasks};
