//! Numeric kernels on plain slices.
//!
//! Every kernel gives the same bits at every SIMD level: element-wise kernels multiply and add separately, reductions have
//! a fixed shape (16 lanes inside a block of [`BLOCK`] elements), and e^x and the logarithm are computed from additions,
//! multiplications and divisions. Matrix products and decompositions are the exception: their crates choose the order of summation.

#[cfg(feature = "eval")]
mod bfloat16;
mod combine;
mod convert;
mod decompose;
mod dtype;
mod equal;
mod fusion;
mod gram;
mod half;
mod joint;
mod masked;
#[cfg(feature = "eval")]
mod neural;
#[cfg(feature = "eval")]
mod product;
mod random;
mod rank;
mod real;
mod regress;
mod select;
mod simd_level;
mod swap;

#[cfg(feature = "eval")]
pub use bfloat16::{
    FeedForward, Finish, PackedRows, PackedWeights, Parts, TileLevel, feed_forward, multiply_packed,
    multiply_packed_rows, multiply_tiles, tile_level,
};
pub use combine::{combine, combine_columns, combine_differences};
pub use convert::{all_finite, narrow, widen};
pub use decompose::{Mat, NotConverged, Svd, svd, times_function};
pub use dtype::DType;
pub use equal::count_equal;
pub use fusion::{fuse, importance, row_divergence};
pub use gram::{Gram, GramSum, column_dots, dots};
pub use joint::{consensus_sum, energies, overlap_counts, overlap_sum, select, variance};
pub use masked::{Band, MaskTerm, MaskedTerms, absolute_sums, masked_sum};
#[cfg(feature = "eval")]
pub use neural::{
    Activation, NormKind, add_biased, add_norm, add_to, bias_activation, exponentials, finish_columns, gate,
    gate_columns, max_to, norm, rotate, row_of_lanes, scale_rows,
};
#[cfg(feature = "eval")]
pub use product::{Matrix, Threads, multiply};
pub use random::{Stream, draw, draw_below, limit};
pub use rank::{ByRank, RankBuffers, mask_by_rank};
pub use real::Real;
pub use regress::{product, product_with_inverse};
pub use select::{Banded, Digits, count_magnitude, histogram, reaching, survey};
pub use simd_level::SimdLevel;
pub use swap::swap_near;

/// Number of elements in a reduction block. Tiles are whole blocks, so that no sum depends on the tile size.
pub const BLOCK: usize = 16 * 1024;
