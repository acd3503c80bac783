//! Narrows a search down by histograms of the digits of scores.

use super::search::{COLLECTED, HISTOGRAM_BITS, Search, State};
use crate::kernel::{Digits, Real};
use crate::merge::statistic::Threshold;

/// Finds for each search the first one that counts the same digits of the same scores, so that one histogram serves all of
/// them.
pub(super) fn shared_counts(searches: &[Search]) -> Vec<usize> {
    let same = |a: &Search, b: &Search| a.is_counting() && a.state == b.state && a.sequence == b.sequence;
    let first = |(index, search)| searches[..index].iter().position(|other| same(other, search)).unwrap_or(index);
    searches.iter().enumerate().map(first).collect()
}

/// Finds the bin of a histogram with the sought element. Returns the element's rank in it, and the next state.
pub(super) fn narrow<S: Real>(rank: u64, digits: Digits, counts: &[u64], n: u64) -> (u64, State) {
    if rank == 0 {
        return (0, State::Done(Threshold::none::<S>()));
    }
    let mut above = 0;
    for (digit, count) in counts.iter().enumerate().take(1 << digits.width).rev() {
        if above + count < rank {
            above += count;
            continue;
        }
        let rank = rank - above;
        let prefix = (digits.prefix << digits.width) | digit as u64;
        let state = if digits.shift == 0 && rank == *count {
            State::Done(Threshold { bits: prefix, cut: n })
        } else if digits.shift == 0 {
            State::Equal(prefix)
        } else if *count <= COLLECTED {
            let low = prefix << digits.shift;
            State::Collect { low, high: low | ((1 << digits.shift) - 1) }
        } else {
            let width = HISTOGRAM_BITS.min(digits.shift);
            State::Count(Digits { prefix, prefix_shift: digits.shift, shift: digits.shift - width, width })
        };
        return (rank, state);
    }
    // Not reached: the counts add up to at least the rank.
    (rank, State::Done(Threshold::all(n)))
}
