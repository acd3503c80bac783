//! A study's results for people: a table in the terminal, figures, one HTML file.

mod spark;
mod terminal;
mod verdict;

pub use spark::sparkline;
pub use terminal::{Shown, terminal};
pub use verdict::{Verdict, verdict};
