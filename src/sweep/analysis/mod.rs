//! What the results say: means with intervals and tests, the Pareto front, and picks.

mod pareto;
mod pick;
mod resample;
mod statistics;
mod table;

pub use pareto::pareto_front;
pub use pick::{Bound, BoundKind, pick, recipe_text};
pub use statistics::{Comparison, Strata};
pub use table::{Analysis, Depth, Dropped, LEVEL, Row, Versus};
