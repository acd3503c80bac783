//! Takes the other model's values where its changes matter most.

use super::{Arguments, Base, Count, Formula, MergeMethod, Pairwise};

/// `out = x` where the importance reaches a threshold, `base` elsewhere.
pub(super) static ARCEE_FUSION: MergeMethod = MergeMethod {
    name: "arcee_fusion",
    summary: "takes from the other model the elements whose change is an outlier, weighted by how much their row changed",
    equation: "I = |x − base| · KL(p ‖ q) by row,  p = softmax(x) + 1e-8,  q = softmax(base) + 1e-8;  out = x where I ≥ q₅₀ + 1.5·(q₇₅ − q₂₅) over the tensor, base elsewhere",
    origin: "Arcee Fusion, mergekit 0.1.5; quantiles of all elements, where mergekit samples a million",
    when: "A base that should take over only the most telling part of another model's changes, without parameters to choose.",
    base: Base::Required,
    models: Count::Exactly(1),
    parameters: &[],
    check: None,
    formula: Formula::Pairwise(pairwise),
};

fn pairwise(_: &Arguments) -> Pairwise {
    Pairwise::Fuse
}
