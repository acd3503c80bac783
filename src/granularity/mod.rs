//! Divides the tensors of a merge into groups that have a value each (layers, kinds of sublayers, scripts of the vocabulary), and
//! writes the values of the groups as the conditions of a recipe.
//!
//! `by` names the granularities, `groups` divides the tensors, `conditions` writes values, and `grouping` is the groups of one
//! variable with the share that each has in what the variable changes, which `changes` measures.

mod by;
mod changes;
mod conditions;
mod grouping;
mod groups;
mod segments;

pub use by::{By, Unit};
#[cfg(feature = "eval")]
pub(crate) use conditions::lines;
pub use grouping::Grouping;
pub(crate) use groups::Groups;
#[cfg(feature = "eval")]
pub(crate) use segments::Rows;
