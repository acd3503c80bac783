//! Reports on a study's results: a table in the terminal, figures, and one HTML file.

mod bands;
mod card;
mod contour;
mod curve;
mod figures;
mod files;
mod heat;
mod labels;
mod marks;
mod page;
mod palette;
mod plane;
mod queries;
mod recommendation;
mod scatter;
mod spark;
mod studies;
mod surface;
mod svg;
mod terminal;
mod ternary;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod variables;

pub use card::card_scores;
pub use contour::contour;
pub use curve::curve;
pub use files::{figure_files, query_texts};
pub use heat::heat;
pub use page::page;
pub use plane::{Plane, PlaneGroup, PlanePoint, plane};
pub use queries::{Change, Changes, Texts, changes};
pub use recommendation::recommendation;
pub use scatter::scatter;
pub use spark::sparkline;
pub use studies::{studies, study_letter};
pub use svg::{Size, standalone};
pub use terminal::{TableOptions, duration, terminal};
pub use ternary::ternary;
pub use timeline::timeline;
