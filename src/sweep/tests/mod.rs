//! Studies with a planted truth, and workers that are killed.

#![expect(clippy::unwrap_used, reason = "tests")]

mod actions;
mod damage;
pub(crate) mod fake;
mod grouped;
mod killed;
mod racing;
mod recommended;
mod revised;
mod runs;
mod searches;
mod time_left;
