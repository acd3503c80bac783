//! A study: a spec, and the very checkpoints and data sets it is about.

mod compare;
mod frozen;
mod models;
mod open;
mod sets;
mod stage;
mod trial;

#[cfg(test)]
pub(super) use frozen::SCHEMA;
pub use frozen::{Frozen, Model, Set};
pub use open::Study;
pub use sets::{Loaded, load};
pub use stage::Stage;
pub use trial::{Generation, Subject, Trial};
