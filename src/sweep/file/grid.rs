//! The points of a grid or lattice, within the limits of the sweep file.

use super::search_method::SearchMethod;
use super::types::Spec;
use crate::sweep::Error;

/// The most points of a grid.
const MOST: usize = 20_000;

impl Spec {
    /// Checks that the search has no more points than are allowed.
    pub(crate) fn check_size(&self) -> Result<(), Error> {
        match self.search.method {
            SearchMethod::Grid | SearchMethod::Lattice | SearchMethod::Racing => self.grid().map(drop),
            _ => Ok(()),
        }
    }

    /// The points of the grid.
    pub(crate) fn grid(&self) -> Result<Vec<Vec<f64>>, Error> {
        let what = if self.search.method == SearchMethod::Lattice { "the lattice" } else { "the grid" };
        let refused = |points: String, limit: String| Error::TooManyPoints { what, points, limit };
        let points = self
            .params
            .grid(MOST)
            .ok_or_else(|| refused(format!("more than {MOST}"), format!("{MOST} are the most")))?;
        match self.budget.trials {
            Some(trials) if points.len() > trials => {
                Err(refused(points.len().to_string(), format!("`budget` allows {trials} trials")))
            }
            _ => Ok(points),
        }
    }
}
