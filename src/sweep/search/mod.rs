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
use super::file::Method;
use super::study::Generation;

pub use history::History;
pub(crate) use history::points_to_trials;

/// The next generation, once every trial of those before it is settled; `None` when the search is over.
///
/// # Errors
/// Values that the recipe does not take; results that cannot be read.
pub fn next(history: &History<'_>) -> Result<Option<Generation>, Error> {
    match history.spec().search.method {
        Method::Grid | Method::Lattice => fixed::next(history, &history.spec().grid()?),
        Method::Sobol => fixed::next(history, &sobol::points(history.spec())),
        Method::Quad => quad::next(history, &|| history.spec().grid()),
        Method::Greedy => greedy::next(history),
        Method::Cmaes => cmaes::next(history),
    }
}
