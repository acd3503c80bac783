//! Queries for a threshold.

/// A query for one threshold of a tensor.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge::passes) struct Query {
    /// The index of the sequence of scores.
    pub(in crate::merge::passes) sequence: usize,
    /// The rank of the element whose score is the threshold.
    pub(in crate::merge::passes) rank: Rank,
}

/// The rank of the element whose score is sought.
#[derive(Clone, Copy, Debug)]
pub(in crate::merge::passes) enum Rank {
    /// This many elements are kept; none for 0, and all for their number or more.
    Largest(u64),
    /// This share of the elements that are not zero is kept, rounded down.
    OfNonzero(f64),
    /// The score of the element of this rank, where the largest has rank 1.
    Value(u64),
}
