//! Questions for a threshold.

/// A question for one threshold of a tensor.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge::passes) struct Query {
    /// Which of the tensor's sequences of scores.
    pub(in crate::merge::passes) sequence: usize,
    /// The rank of the element whose score is the threshold.
    pub(in crate::merge::passes) rank: Rank,
}

/// The rank of the element whose score is sought.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge::passes) enum Rank {
    /// So many elements stay: none for 0, all for their number or more.
    Largest(u64),
    /// As above, so large a share of those that are not zero, rounded down.
    OfNonzero(f64),
    /// The element of this rank, the largest having 1: its score, in any case.
    Value(u64),
}
