//! Surveys spans for searches: one pass over the scores, for all open searches of a tensor at once.

use std::sync::atomic::Ordering;

use super::histogram::{narrow, shared_counts};
use super::scores::{ScoreBuffers, Scores};
use super::search::{HISTOGRAM_BITS, Search, State, sequences};
use crate::kernel::{Banded, Real, count_magnitude, histogram, survey};
use crate::merge::buffers::Scratch;
use crate::merge::span::Span;
use crate::merge::{Error, Options};

/// The findings for a search in one span.
pub(super) enum Found<S: Real> {
    Nothing,
    /// The next rank and state, if the span is the whole tensor.
    Narrowed(u64, State),
    /// Positions in the span, with scores.
    Collected(Vec<Banded<S::Bits>>),
    Guessed(Guessed<S>),
    /// How many scores equal the sought one.
    Equal(u64),
}

/// The findings for a guess in one span.
pub(super) struct Guessed<S: Real> {
    /// Elements above the band.
    pub(super) above: u64,
    /// Elements that are zero.
    pub(super) zeros: u64,
    /// Elements in the band, as with [`Found::Collected`].
    pub(super) inside: Vec<Banded<S::Bits>>,
}

impl<S: Real> Found<S> {
    /// Empty findings for a span of `length` elements.
    fn empty(search: &Search, n: u64, length: usize) -> Self {
        match search.state {
            State::Collect { .. } => Self::Collected(Vec::new()),
            State::Equal(_) => Self::Equal(0),
            State::Guess(guess) => {
                Self::Guessed(Guessed { above: 0, zeros: 0, inside: Vec::with_capacity(guess.expected(n, length)) })
            }
            State::Count(_) | State::Done(_) => Self::Nothing,
        }
    }
}

/// Surveys a span of the tensor at place `at` of `scores`, which has `n` elements.
pub(super) fn survey_span<S: Real>(
    scores: &impl Scores<S>,
    at: usize,
    searches: &[Search],
    n: u64,
    span: &Span,
    scratch: &mut Scratch,
    options: &Options<'_>,
) -> Result<Vec<Found<S>>, Error> {
    let level = options.level;
    let Scratch { inputs, scores: score_buffer, counts, .. } = scratch;
    let bins = 1 << HISTOGRAM_BITS;
    let shared = shared_counts(searches);
    counts.clear();
    counts.resize(if searches.iter().any(Search::is_counting) { bins * searches.len() } else { 0 }, 0);
    let mut zeros = vec![0; searches.len()];
    let mut found: Vec<Found<S>> = searches.iter().map(|search| Found::empty(search, n, span.range.len())).collect();
    let which = sequences(searches.iter().filter(|search| search.is_open()));
    for tile in span.tiles(scores.tile(options.tile())) {
        options.cancel.check(Error::Cancelled)?;
        let buffers = ScoreBuffers { inputs: &mut *inputs, scores: &mut *score_buffer };
        let values = scores.load(at, &tile, &which, buffers)?;
        let Some((base, sequences)) = values.split_first() else { continue };
        let start = (tile.start - span.range.start) as u32;
        for (index, search) in searches.iter().enumerate().filter(|(_, search)| search.is_open()) {
            let Some(x) = which.iter().position(|s| *s == search.sequence).and_then(|s| sequences.get(s)) else {
                continue;
            };
            match (search.state, &mut found[index]) {
                (State::Count(digits), _) => {
                    if shared[index] == index {
                        histogram(level, base, x, digits, &mut counts[index * bins..(index + 1) * bins]);
                    }
                    if search.share.is_some() {
                        zeros[index] += count_magnitude(level, base, x, S::bits(0));
                    }
                }
                (State::Collect { low, high }, Found::Collected(inside)) => {
                    survey(level, base, x, S::bits(low), S::bits(high), start, inside);
                }
                (State::Guess(guess), Found::Guessed(found)) if !search.is_full() => {
                    let (low, high, before) = (S::bits(guess.low), S::bits(guess.high), found.inside.len());
                    found.above += survey(level, base, x, low, high, start, &mut found.inside);
                    search.collected.fetch_add((found.inside.len() - before) as u64, Ordering::Relaxed);
                    if search.share.is_some() {
                        found.zeros += count_magnitude(level, base, x, S::bits(0));
                    }
                }
                (State::Equal(bits), Found::Equal(count)) => *count += count_magnitude(level, base, x, S::bits(bits)),
                _ => {}
            }
        }
        drop(values);
        scores.finish(at, &tile, &which);
    }
    for found in &mut found {
        if let Found::Guessed(found) = found {
            found.inside.shrink_to_fit();
        }
    }
    let is_whole = span.range.len() as u64 == n;
    for (index, search) in searches.iter().enumerate() {
        let State::Count(digits) = search.state else { continue };
        let first = shared[index];
        let counts = counts[first * bins..(first + 1) * bins].iter().map(|count| u64::from(*count));
        if is_whole {
            let rank = search.rank_among(n - zeros[index]);
            let (rank, state) = narrow::<S>(rank, digits, &counts.collect::<Vec<_>>(), n);
            found[index] = Found::Narrowed(rank, state);
            continue;
        }
        search.zeros.fetch_add(zeros[index], Ordering::Relaxed);
        if first == index {
            add_counts(search, counts);
        }
    }
    Ok(found)
}

/// Adds a span's histogram to that of the search.
fn add_counts(search: &Search, counts: impl ExactSizeIterator<Item = u64>) {
    if let Ok(mut total) = search.counts.lock() {
        total.resize(counts.len(), 0);
        for (total, count) in total.iter_mut().zip(counts) {
            *total += count;
        }
    }
}
