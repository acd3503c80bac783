//! The instructions of x86-64 processors.

pub(super) mod amx;
pub(super) mod avx512;
pub(super) mod pack;
