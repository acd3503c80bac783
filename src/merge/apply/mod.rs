//! Computes the output, tile by tile, from the inputs and their statistics.

mod build;
mod by_row;
mod coefficients;
mod combine;
mod compute;
mod fault;
mod masked;
mod matrix;
mod round;
mod select;
mod step;
mod tile;

pub(super) use build::build_step;
pub(super) use round::round_tile;
pub(super) use step::Step;
pub(super) use tile::TileWriter;
