//! Search methods. Each is a pure function of the spec and of the results of finished generations.

mod bayes;
mod cmaes;
mod coordinates;
mod evolution;
mod field;
mod fixed;
mod greedy;
mod history;
mod improvement;
mod proposals;
mod racing;
mod random;
mod samples;
mod sobol;
mod surrogate;

use super::Error;
use super::file::SearchMethod;
use super::study::Generation;

pub use history::History;
pub(crate) use history::points_to_trials;

/// The next generation, once every trial of those before it is settled; `None` when the search is over.
///
/// # Errors
/// Values that the recipe does not take; results that cannot be read.
pub fn next(history: &History<'_>) -> Result<Option<Generation>, Error> {
    match history.spec().search.method {
        SearchMethod::Grid | SearchMethod::Lattice => fixed::next(history, &history.spec().grid()?),
        SearchMethod::Sobol => fixed::next(history, &sobol::points(history.spec())),
        SearchMethod::Racing => racing::next(history, &history.spec().grid()?),
        SearchMethod::Greedy => greedy::next(history),
        SearchMethod::Cmaes => cmaes::next(history),
        SearchMethod::Bayes => bayes::next(history),
    }
}
