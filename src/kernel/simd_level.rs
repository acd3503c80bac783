//! The instruction sets a kernel is compiled for, and the choice among them at run time.

use std::sync::LazyLock;

/// An instruction set that this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimdLevel(pub(super) Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl SimdLevel {
    /// The compiler's baseline for the target.
    pub const PORTABLE: Self = Self(Set::Portable);

    /// Every level of this machine, slowest first.
    pub fn available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "this target has no further levels"))]
        let mut levels = vec![Self::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Self(Set::Avx2));
            }
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                levels.push(Self(Set::Avx512));
            }
        }
        levels
    }

    /// The fastest level of this machine.
    pub fn best() -> Self {
        static BEST: LazyLock<SimdLevel> =
            LazyLock::new(|| SimdLevel::available().last().copied().unwrap_or(SimdLevel::PORTABLE));
        *BEST
    }

    /// The level called `name`, if this machine has it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|level| level.name() == name)
    }

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Set::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
        }
    }
}

/// Whether the compiler's baseline has fused multiply-add.
pub(super) const PORTABLE_FUSES: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

/// Compiles one body for each instruction set, and selects by a [`SimdLevel`] argument that comes first. `FUSED` tells the
/// body whether the set has fused multiply-add. Kernels of merges must not use it, so that every set gives the same bits.
macro_rules! per_level {
    ($(#[$meta:meta])* pub fn $name:ident$(<$generic:ident: $bound:ident>)?($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        pub fn $name$(<$generic: $bound>)?(level: $crate::kernel::SimdLevel, $($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn body<$($generic: $bound,)? const FUSED: bool>($($arg: $type),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2$(<$generic: $bound>)?($($arg: $type),*) $(-> $ret)? {
                body::<$($generic,)? true>($($arg),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512$(<$generic: $bound>)?($($arg: $type),*) $(-> $ret)? {
                body::<$($generic,)? true>($($arg),*)
            }

            match level.0 {
                $crate::kernel::simd_level::Set::Portable => body::<$($generic,)? { $crate::kernel::simd_level::PORTABLE_FUSES }>($($arg),*),
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "calls a function compiled for more than the baseline")]
                // SAFETY: a `SimdLevel` above portable exists only after this machine was found to have its features.
                $crate::kernel::simd_level::Set::Avx2 => unsafe { avx2$(::<$generic>)?($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "calls a function compiled for more than the baseline")]
                // SAFETY: as above.
                $crate::kernel::simd_level::Set::Avx512 => unsafe { avx512$(::<$generic>)?($($arg),*) },
            }
        }
    };
}
pub(super) use per_level;
