//! The sweep file: what is merged, where it is looked for, and how it is scored.

mod bound;
mod data;
mod fields;
mod grid;
mod keys;
mod objectives;
mod params;
mod parse;
mod schema;
mod search;
mod search_method;
mod settings;
#[cfg(test)]
mod tests;
mod types;

pub(crate) use search_method::SOBOL_DIMENSIONS;
#[cfg(all(feature = "cli", feature = "eval"))]
pub(crate) use settings::parse_time;

pub use bound::{Bound, BoundKind};
pub use data::{DataSource, Reference, filled_in};
pub use keys::LEVELS;
pub use objectives::Objective;
pub use params::parse_axis;
pub use parse::{Parsed, is_sweep, is_sweep_text};
pub use schema::schema;
pub use search::Search;
pub use search_method::SearchMethod;
pub use settings::{Budget, Part, Rerank, Scoring, Selection};
pub use types::{Baseline, Keep, RecipeText, Spec};
