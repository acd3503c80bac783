//! The transformer on the CPU: fused passes over plain slices, without padding.

mod attention;
mod positions;
mod rows;
mod transformer;

pub(super) use rows::normalise;
pub(super) use transformer::{Workspace, dense};
