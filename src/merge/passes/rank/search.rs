//! The state of a search for one threshold.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::query::{Query, Rank};
use super::sample::{self, Guess, Sample};
use crate::kernel::{Digits, Real};
use crate::merge::statistic::Threshold;

/// Bits that one histogram counts by: its 2^16 counters stay in the second-level cache, and a band is a 256th of an octave.
pub(super) const HISTOGRAM_BITS: u32 = 16;

/// The most elements that are collected for one search, of 8 bytes each, or 12 for f64.
pub(super) const COLLECTED: u64 = 1 << 20;

/// The number of guesses before a search falls back to a histogram.
const GUESSES: usize = 3;

/// The search for one element.
pub(super) struct Search {
    /// Index among the tensor's sequences of scores.
    pub(super) sequence: usize,
    /// The rank of the sought element among the remaining candidates; 1 is the largest.
    pub(super) rank: u64,
    /// The share of the elements that are not zero, where the rank follows from it.
    pub(super) share: Option<f64>,
    /// Elements that are zero.
    pub(super) zeros: AtomicU64,
    pub(super) state: State,
    /// The histogram over all spans.
    pub(super) counts: Mutex<Vec<u64>>,
    /// The position in the sample to guess at next.
    pub(super) place: Option<f64>,
    guesses: usize,
    /// Elements found in the guessed band so far.
    pub(super) collected: AtomicU64,
}

/// The task of the next pass.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum State {
    /// Count the scores by their next digits.
    Count(Digits),
    /// Collect the scores in a guessed band, and count those above it.
    Guess(Guess),
    /// Collect the scores in a band that is known to contain the sought one.
    Collect { low: u64, high: u64 },
    /// Find the positions of scores that equal the sought one; `rank` of them are kept.
    Equal(u64),
    /// Nothing: the threshold is known.
    Done(Threshold),
}

impl Search {
    /// Begins a search among `n` elements. All elements are collected if they fit in a tile.
    pub(super) fn begin<S: Real>(query: Query, n: u64, tile: u64) -> Self {
        let (rank, share) = match query.rank {
            Rank::Largest(rank) | Rank::Value(rank) => (rank, None),
            Rank::OfNonzero(share) => (u64::from(share > 0.0), Some(share)),
        };
        let state = if rank == 0 {
            State::Done(Threshold::none::<S>())
        } else if rank >= n && matches!(query.rank, Rank::Largest(_)) {
            State::Done(Threshold::all(n))
        } else if n <= tile {
            State::Collect { low: 0, high: u64::MAX }
        } else {
            State::first_digits::<S>()
        };
        Self {
            sequence: query.sequence,
            rank,
            share,
            zeros: AtomicU64::new(0),
            state,
            counts: Mutex::default(),
            place: None,
            guesses: 0,
            collected: AtomicU64::new(0),
        }
    }

    /// Guesses a band if there is a position to guess at.
    pub(super) fn guess<S: Real>(&mut self, sample: &mut Sample<S>, n: u64) {
        let Some(place) = self.place.take() else { return };
        let Some((_, bits)) = sample.iter_mut().find(|(sequence, _)| *sequence == self.sequence) else { return };
        if let Some(guess) = sample::guess::<S>(bits, place, n, COLLECTED).filter(|_| self.guesses < GUESSES) {
            self.guesses += 1;
            self.collected = AtomicU64::new(0);
            self.state = State::Guess(guess);
        }
    }

    /// Whether the next pass counts digits.
    pub(super) fn is_counting(&self) -> bool {
        matches!(self.state, State::Count(_))
    }

    /// Whether the threshold is still unknown.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Done(_))
    }

    /// Whether the guessed band has more elements than may be collected.
    pub(super) fn is_full(&self) -> bool {
        self.collected.load(Ordering::Relaxed) > COLLECTED
    }

    /// The threshold that was found.
    pub(super) fn threshold<S: Real>(&self) -> Threshold {
        match self.state {
            State::Done(threshold) => threshold,
            _ => Threshold::none::<S>(),
        }
    }

    /// The rank, given the number of elements that are not zero.
    #[expect(clippy::cast_sign_loss, reason = "a share is not negative")]
    pub(super) fn rank_among(&self, nonzero: u64) -> u64 {
        self.share.map_or(self.rank, |share| (nonzero as f64 * share).floor() as u64)
    }
}

impl State {
    /// Counts the first digits of all scores.
    pub(super) fn first_digits<S: Real>() -> Self {
        let shift = S::MAGNITUDE_BITS - HISTOGRAM_BITS;
        Self::Count(Digits { prefix: 0, prefix_shift: 64, shift, width: HISTOGRAM_BITS })
    }
}

/// The sequences of some searches, each once and in order.
pub(super) fn sequences<'a>(searches: impl Iterator<Item = &'a Search>) -> Vec<usize> {
    let mut sequences: Vec<usize> = searches.map(|search| search.sequence).collect();
    sequences.sort_unstable();
    sequences.dedup();
    sequences
}
