//! Numeric kernels on plain slices.
//!
//! Every kernel gives the same bits at every SIMD level: element-wise kernels multiply and add separately, reductions
//! have a fixed shape (16 lanes inside a block of [`BLOCK`] elements), and transcendental functions are not used here.

mod combine;
mod convert;
mod equal;
mod float;
mod gram;
mod level;
mod masked;
mod real;
mod select;
mod swap;

pub use combine::{combine, combine_around, combine_columns};
pub use convert::{all_finite, narrow, widen};
pub use equal::count_equal;
pub use float::Float;
pub use gram::{Gram, GramSum, column_dots, dots};
pub use level::Level;
pub use masked::{MaskTerm, MaskedTerms, absolute_sums, masked_sum};
pub use real::Real;
pub use select::{Digits, count_magnitude, histogram, survey};
pub use swap::swap_near;

/// Elements of a reduction block. Tiles are whole blocks, so that no sum depends on the tile size.
pub const BLOCK: usize = 16 * 1024;
