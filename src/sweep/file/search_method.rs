//! The search methods by name.

use serde::{Deserialize, Serialize};

/// The most dimensions of `sobol`: it has direction numbers for so many.
pub(crate) const SOBOL_DIMENSIONS: usize = 16;

/// How points are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchMethod {
    /// Every combination of the values.
    #[default]
    Grid,
    /// Every point of a simplex in equal steps.
    Lattice,
    /// A sequence that fills the space evenly.
    Sobol,
    /// The points of the grid on growing samples of the queries; what cannot be recommended any more is stopped.
    Racing,
    /// A soup that takes in one model after the other as long as it helps.
    Greedy,
    /// An evolution strategy, for five parameters and more.
    Cmaes,
    /// A model of the objectives over groups of tensors, from which the points come that are expected to widen the front.
    Bayes,
}

impl SearchMethod {
    /// Each of them.
    pub const ALL: [Self; 7] =
        [Self::Grid, Self::Lattice, Self::Racing, Self::Sobol, Self::Greedy, Self::Cmaes, Self::Bayes];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Lattice => "lattice",
            Self::Sobol => "sobol",
            Self::Racing => "racing",
            Self::Greedy => "greedy",
            Self::Cmaes => "cmaes",
            Self::Bayes => "bayes",
        }
    }

    /// What it does and when to take it, for the manual.
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Grid => {
                "Tries every combination of the values. It is the default, and right for one or two variables. Variables \
                 need a `step` or a list of values."
            }
            Self::Lattice => {
                "Tries every point of a simplex (weights that sum to 1) in equal steps. It needs a `simplex` under `params`."
            }
            Self::Sobol => {
                "Tries points of a Sobol sequence, which fills the space evenly. It is for more variables than a grid can hold, \
                 up to 16. Without `budget: {trials: …}` it tries 32 points."
            }
            Self::Racing => {
                "Scores the points of the grid on a small random sample of the queries first, then on larger ones. A point is \
                 stopped as soon as paired tests show that it breaks a limit, or that another point is better and keeps the \
                 limits. Those that are left are scored on everything. It ends with the recommendation of the grid for fewer \
                 tokens, and without the scores of the points that were stopped. Variables need a `step` or a list of values."
            }
            Self::Greedy => {
                "Scores each model alone, and then adds one model after the other to an average, the best first. A model stays \
                 in where the average does not lose by it. It needs a `simplex` under `params` and nothing else."
            }
            Self::Cmaes => {
                "Runs an evolution strategy (CMA-ES), once for each balance of the objectives. It is meant for five variables and more, and needs two. \
                 Without `budget: {trials: …}` it tries 100 points."
            }
            Self::Bayes => {
                "Fits a Gaussian process to each objective and tries, four at a time, the points that are expected to add most to the \
                 area under the Pareto front. It begins with points in which all groups of tensors have one value. It is the \
                 search for variables with `by`, and the default there. Without `budget: {trials: …}` it tries 40 points."
            }
        }
    }
}
