//! Numeric kernels on plain slices.
//!
//! Every kernel gives the same bits at every SIMD level: element-wise kernels multiply and add separately, reductions
//! have a fixed shape (16 lanes inside a block of [`BLOCK`] elements), and the one transcendental function, e^x, is computed
//! here. Products of matrices are the exception: the `gemm` crate chooses how it sums.

mod combine;
mod convert;
mod equal;
mod float;
mod gram;
mod level;
mod masked;
#[cfg(feature = "eval")]
mod neural;
#[cfg(feature = "eval")]
mod product;
mod real;
mod select;
mod swap;

pub use combine::{combine, combine_around};
pub use convert::{all_finite, narrow, widen};
pub use equal::count_equal;
pub use float::Float;
pub use gram::{Gram, GramSum, dots};
pub use level::Level;
pub use masked::{MaskTerm, MaskedTerms, absolute_sums, masked_sum};
#[cfg(feature = "eval")]
pub use neural::{Activation, add_norm, add_to, bias_activation, exponentials, scale_rows};
#[cfg(feature = "eval")]
pub use product::{Matrix, Threads, multiply};
pub use real::Real;
pub use select::{Digits, count_magnitude, histogram, survey};
pub use swap::swap_near;

/// Elements of a reduction block. Tiles are whole blocks, so that no sum depends on the tile size.
pub const BLOCK: usize = 16 * 1024;
