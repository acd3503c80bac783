//! A study's results for other programs.

mod csv;
mod journal;
mod json;
mod studies;

pub use csv::{to_csv, to_per_query_csv};
pub use journal::journal;
pub use json::{recommendation_json, to_json};
pub use studies::comparison_json;
