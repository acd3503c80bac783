//! A study's results for people: a table in the terminal, figures, one HTML file.

mod curve;
mod heat;
mod page;
mod palette;
mod queries;
mod scatter;
mod spark;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;
mod timeline;
mod verdict;

pub use curve::curve;
pub use heat::heat;
pub use page::page;
pub use queries::{Change, Changes, Texts, changes};
pub use scatter::scatter;
pub use spark::sparkline;
pub use svg::standalone;
pub use terminal::{Shown, terminal};
pub use timeline::timeline;
pub use verdict::{Verdict, verdict};
