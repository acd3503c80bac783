//! Estimates the memory of searches.

use super::sample;
use super::search::{COLLECTED, HISTOGRAM_BITS};

/// Estimates the memory of one search among `elements` scores of `width` bytes, if its guess is right: the sample and the
/// collected elements.
#[expect(clippy::cast_sign_loss, reason = "a share is not negative")]
pub(in crate::merge::passes) fn memory(elements: u64, width: u64) -> u64 {
    let (sample, held) = match sample::size(elements as usize) as u64 {
        0 => (0, elements),
        size => (size, (elements as f64 * sample::widest(size)) as u64),
    };
    sample * width + held.min(COLLECTED) * (size_of::<u32>() as u64 + width)
}

/// The memory of the histograms of one search.
pub(in crate::merge::passes) fn counter_memory(threads: u64) -> u64 {
    (1 << HISTOGRAM_BITS) * (threads * size_of::<u32>() as u64 + size_of::<u64>() as u64)
}
