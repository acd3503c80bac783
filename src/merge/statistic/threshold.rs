//! Thresholds on scores.

use crate::kernel::Real;

/// Elements whose score is above `bits` are kept, and so are those that equal it up to position `cut`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::merge) struct Threshold {
    /// The bits of the score.
    pub(in crate::merge) bits: u64,
    /// The first position at which an element that equals it is dropped.
    pub(in crate::merge) cut: u64,
}

impl Threshold {
    /// A threshold that keeps all of `n` elements.
    pub(in crate::merge) fn all(n: u64) -> Self {
        Self { bits: 0, cut: n }
    }

    /// A threshold that keeps no element.
    pub(in crate::merge) fn none<S: Real>() -> Self {
        Self { bits: (1 << S::MAGNITUDE_BITS) - 1, cut: 0 }
    }
}
