//! How points are chosen: each method a pure function of the spec and of the results of finished generations.

mod cmaes;
mod evolution;
mod fixed;
mod greedy;
mod history;
mod quad;
mod quadratic;
mod sobol;

use super::Error;
use super::spec::{Method, Spec};
use super::study::Generation;

pub use history::History;
pub(crate) use history::points_to_trials;
pub(crate) use sobol::DIMENSIONS as SOBOL_DIMENSIONS;

/// The most points of a grid.
const MOST: usize = 20_000;

/// The next generation, once every trial of those before it is settled; `None` when the search is over.
///
/// # Errors
/// Values that the recipe does not take; results that cannot be read.
pub fn next(history: &History<'_>) -> Result<Option<Generation>, Error> {
    match history.spec().search.method {
        Method::Grid | Method::Lattice => fixed::next(history, &grid(history.spec())?),
        Method::Sobol => fixed::next(history, &sobol::points(history.spec())),
        Method::Quad => quad::next(history, &|| grid(history.spec())),
        Method::Greedy => greedy::next(history),
        Method::Cmaes => cmaes::next(history),
    }
}

/// Holds that the search has no more points than may be.
pub(crate) fn check(spec: &Spec) -> Result<(), Error> {
    match spec.search.method {
        Method::Grid | Method::Lattice => grid(spec).map(drop),
        _ => Ok(()),
    }
}

/// The points of the grid.
fn grid(spec: &Spec) -> Result<Vec<Vec<f64>>, Error> {
    let what = if spec.search.method == Method::Lattice { "the lattice" } else { "the grid" };
    let refused = |points: String, limit: String| Error::TooManyPoints { what, points, limit };
    let points =
        spec.params.grid(MOST).ok_or_else(|| refused(format!("more than {MOST}"), format!("{MOST} are the most")))?;
    match spec.budget.trials {
        Some(trials) if points.len() > trials && spec.search.method != Method::Quad => {
            Err(refused(points.len().to_string(), format!("`budget` allows {trials} trials")))
        }
        _ => Ok(points),
    }
}
