//! The space that a search explores: axes, simplexes and the points over them.

mod axis;
mod grouped;
mod points;
mod rounding;
mod simplex;

pub(crate) use simplex::is_part_of_one;

pub use axis::Axis;
pub use grouped::Grouped;
pub use points::Space;
pub use rounding::rounded;
