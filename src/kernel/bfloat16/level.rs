//! The instructions of this machine, found at run time.

use std::sync::LazyLock;

#[cfg(target_arch = "x86_64")]
use super::tile::Instructions;
use super::tile::TileLevel;
#[cfg(target_arch = "x86_64")]
use super::x86::amx;
#[cfg(target_arch = "x86_64")]
use crate::kernel::SimdLevel;

impl TileLevel {
    /// All of this machine, slowest first; none on most.
    pub fn available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "this target has none"))]
        let mut levels = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if SimdLevel::available().iter().any(|level| level.name() == "avx512") && is_x86_feature_detected!("avx512bf16")
        {
            levels.push(Self(Instructions::Pairs));
            if amx::permitted() {
                levels.push(Self(Instructions::Amx));
            }
        }
        levels
    }

    /// Whether three products of halves are faster than one of float32 numbers.
    pub fn splits(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Instructions::Pairs => false,
            #[cfg(target_arch = "x86_64")]
            Instructions::Amx => true,
        }
    }
}

/// The fastest instructions of this machine, if it has any, and `ADMIX_SIMD` does not ask for others.
pub fn tile_level() -> Option<TileLevel> {
    static BEST: LazyLock<Option<TileLevel>> = LazyLock::new(|| {
        let asked = std::env::var_os("ADMIX_SIMD").is_some();
        TileLevel::available().last().copied().filter(|_| !asked)
    });
    *BEST
}
