//! The sweep file: what is merged, where it is looked for, and how it is scored.

mod data;
mod fields;
mod keys;
mod objectives;
mod params;
mod parse;
mod schema;
mod search;
mod settings;
mod space;
#[cfg(test)]
mod tests;
mod types;

#[cfg(all(feature = "cli", feature = "eval"))]
pub(crate) use settings::parse_time;
pub(crate) use space::is_part_of_one;
pub(crate) use types::as_variables;

pub use data::{DataSource, Reference};
pub use keys::LEVELS;
pub use objectives::Objective;
pub use params::parse_axis;
pub use parse::{Parsed, is_sweep, is_sweep_text};
pub use schema::schema;
pub use search::{Method, Rung, Search};
pub use settings::{Budget, Part, Scoring, Selection};
pub use space::{Axis, Space, rounded};
pub use types::{Baseline, Keep, RecipeText, Spec};
