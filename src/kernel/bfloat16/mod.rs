//! Matrix products in bfloat16, on processors that multiply such numbers: several times as fast as in float32.
//!
//! A float32 number is nearly the sum of two bfloat16 numbers, the number rounded and what the rounding left. Of the four
//! products of two such sums three are computed (`high·high + high·low + low·high`), all added up in float32, so that a product
//! of matrices keeps about 16 bits: a relative error of some 4·10⁻⁶. With [`Parts::One`] only the first of them is computed.

mod block;
mod level;
mod matrices;
mod packed_rows;
mod packed_weights;
mod product;
mod tile;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use level::tile_level;
pub use matrices::multiply_tiles;
pub use packed_rows::PackedRows;
pub use packed_weights::PackedWeights;
pub use product::{FeedForward, Finish, feed_forward, multiply_packed, multiply_packed_rows};
pub use tile::{Parts, TileLevel};

#[cfg(test)]
mod tests;
