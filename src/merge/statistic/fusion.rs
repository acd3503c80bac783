//! How two tensors are fused.

/// How two tensors are fused: which elements of the second are important enough to replace those of the first.
#[derive(Clone, Debug)]
pub(in crate::merge) struct Fusion {
    /// The divergence of each row.
    pub(in crate::merge) divergences: Vec<f64>,
    /// The smallest importance at which the second tensor's element is taken.
    pub(in crate::merge) threshold: f64,
}
