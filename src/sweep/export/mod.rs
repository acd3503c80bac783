//! A study's results for other programs.

mod csv;
mod journal;
mod json;

pub use csv::{to_csv, to_per_query_csv};
pub use journal::journal;
pub use json::to_json;
