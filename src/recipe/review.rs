//! A recipe together with everything that is wrong with it.

use super::Error;
use super::types::Recipe;
use crate::yaml::{Place, Warning};

/// A recipe as far as it could be read, with its errors and warnings.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Review {
    /// The recipe, with placeholders for what could not be read ([`Recipe::is_partial`]).
    pub recipe: Option<Recipe>,
    /// The faults, in the order in which they were found.
    pub faults: Vec<Error>,
    /// What is accepted and probably not meant.
    pub warnings: Vec<Warning>,
    /// The variables without a value, each with the place of its first use. What depends on them is not checked.
    pub unknown: Vec<(String, Option<Place>)>,
}
