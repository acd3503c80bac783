//! How many values two tensors share.

use super::Real;
use super::simd_level::per_level;

per_level! {
    /// The number of positions at which `x` and `y` hold the same value (0 equals −0; NaN equals nothing).
    pub fn count_equal<T: Real>(x: &[T], y: &[T]) -> u64 {
        let mut count = 0;
        for (x, y) in x.chunks(4096).zip(y.chunks(4096)) {
            let mut same = 0u32;
            for (x, y) in x.iter().zip(y) {
                same += u32::from(x == y);
            }
            count += u64::from(same);
        }
        count
    }
}
