//! Advances a search by what a pass found.

use std::sync::atomic::Ordering;

use super::histogram::narrow;
use super::sample::{self, Guess};
use super::scores::{ScoreBuffers, Scores};
use super::search::{Search, State};
use super::survey::{Found, Guessed};
use crate::kernel::Real;
use crate::merge::span::Span;
use crate::merge::statistic::Threshold;
use crate::merge::{Error, Options};

/// The findings of a pass in the spans of a tensor, in order.
pub(super) type Parts<'p, S> = [(&'p Span, &'p Found<S>)];

/// Advances a search of the tensor at place `at` of `scores`, which has `n` elements. `counts` is the histogram over all
/// spans.
pub(super) fn advance<S: Real>(
    search: &mut Search,
    scores: &impl Scores<S>,
    at: usize,
    n: u64,
    parts: &Parts<'_, S>,
    counts: &[u64],
    options: &Options<'_>,
) -> Result<(), Error> {
    match search.state {
        State::Done(_) => {}
        State::Count(digits) => {
            (search.rank, search.state) = if let [(_, Found::Narrowed(rank, state))] = parts {
                (*rank, *state)
            } else {
                let rank = search.rank_among(n - search.zeros.load(Ordering::Relaxed));
                narrow::<S>(rank, digits, counts, n)
            };
            search.share = None;
        }
        State::Guess(guess) => check_guess(search, guess, n, parts),
        State::Collect { .. } => pick(search, parts),
        State::Equal(bits) => {
            let mut left = search.rank;
            for (span, found) in parts {
                let Found::Equal(count) = found else { continue };
                if left <= *count {
                    let cut = position_of(search, scores, at, span, bits, left, options)? + 1;
                    search.state = State::Done(Threshold { bits, cut });
                    break;
                }
                left -= count;
            }
        }
    }
    Ok(())
}

/// Picks the threshold if it is in the guessed band. If not, the counts show how far away it is, and that is where to guess
/// next.
fn check_guess<S: Real>(search: &mut Search, guess: Guess, n: u64, parts: &Parts<'_, S>) {
    let (mut above, mut zeros, mut inside) = (0, 0, 0);
    for (_, found) in parts {
        let Found::Guessed(found) = found else { continue };
        above += found.above;
        zeros += found.zeros;
        inside += found.inside.len() as u64;
    }
    search.state = State::first_digits::<S>();
    if search.is_full() {
        return;
    }
    search.rank = search.rank_among(n - zeros);
    search.share = None;
    if search.rank == 0 || (search.rank > above && search.rank <= above + inside) {
        search.rank = search.rank.saturating_sub(above);
        pick(search, parts);
        return;
    }
    let [high, low] = guess.places;
    let off = |known: u64| (search.rank as f64 - known as f64) / n as f64;
    let size = sample::size(n as usize) as f64;
    let is_above = search.rank <= above;
    search.place = Some(if is_above { high + off(above) * size } else { low + off(above + inside) * size });
}

/// Picks the threshold among the collected elements.
fn pick<S: Real>(search: &mut Search, parts: &Parts<'_, S>) {
    let collected = || {
        parts.iter().filter_map(|(span, found)| match found {
            Found::Collected(inside) | Found::Guessed(Guessed { inside, .. }) => {
                Some((span.range.start as u64, inside))
            }
            _ => None,
        })
    };
    let mut magnitudes: Vec<S::Bits> =
        collected().flat_map(|(_, inside)| inside.iter().map(|found| found.bits)).collect();
    let nonzero = magnitudes.iter().filter(|bits| **bits != S::bits(0)).count() as u64;
    let rank = search.rank_among(nonzero) as usize;
    let Some(at) = rank.checked_sub(1).filter(|at| *at < magnitudes.len()) else {
        search.state = State::Done(Threshold::none::<S>());
        return;
    };
    let (larger, &mut threshold, _) = magnitudes.select_nth_unstable_by(at, |a, b| b.cmp(a));
    // Of the elements that equal the threshold, the first ones are kept, up to the number that the larger ones leave.
    let stay = at - larger.iter().filter(|bits| **bits > threshold).count();
    let mut equal = collected().flat_map(|(start, inside)| {
        let equal = inside.iter().filter(move |found| { found.bits } == threshold);
        equal.map(move |found| start + u64::from(found.position))
    });
    let last = equal.nth(stay).unwrap_or_default();
    search.state = State::Done(Threshold { bits: threshold.into(), cut: last + 1 });
}

/// Finds the position of the `nth` element (from 1) of `span` whose score is `bits`.
fn position_of<S: Real>(
    search: &Search,
    scores: &impl Scores<S>,
    at: usize,
    span: &Span,
    bits: u64,
    nth: u64,
    options: &Options<'_>,
) -> Result<u64, Error> {
    let (mut inputs, mut score_buffer) = (Vec::new(), Vec::new());
    let mut left = nth;
    for tile in span.tiles(options.tile()) {
        options.cancel.check(Error::Cancelled)?;
        let buffers = ScoreBuffers { inputs: &mut inputs, scores: &mut score_buffer };
        let values = scores.load(at, &tile, &[search.sequence], buffers)?;
        if let [base, x] = values[..] {
            for (offset, (x, base)) in x.iter().zip(base).enumerate() {
                if (*x - *base).magnitude_bits() == S::bits(bits) {
                    left -= 1;
                    if left == 0 {
                        return Ok((tile.start + offset) as u64);
                    }
                }
            }
        }
    }
    Ok(span.range.end as u64)
}
