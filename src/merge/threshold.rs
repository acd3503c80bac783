//! The score above which elements stay, by rank: exact, and without sorting.
//!
//! A sample tells in which narrow band the k-th largest probably lies. One pass counts what is above the band and
//! collects what is in it, and the k-th is picked there. Where that does not do, a histogram of the first bits of all
//! scores tells the band, and as long as it holds too many elements, the next bits are counted. Where more elements equal the
//! threshold than may stay, those of lower index do.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Error;
use super::sample::{self, Guess, Sample};
use super::scores::{Room, Scores};
use super::scratch::Scratch;
use super::span::{Span, Workers};
use crate::kernel::{Banded, Digits, Real, count_magnitude, histogram, survey};

/// Elements above `bits` stay, and those that equal it up to position `cut`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Threshold {
    /// The bits of the score.
    pub(super) bits: u64,
    /// The first position at which an element that equals it does not stay.
    pub(super) cut: u64,
}

impl Threshold {
    /// Every one of `n` elements stays.
    pub(super) fn all(n: u64) -> Self {
        Self { bits: 0, cut: n }
    }

    /// No element stays.
    pub(super) fn none<S: Real>() -> Self {
        Self { bits: (1 << S::MAGNITUDE_BITS) - 1, cut: 0 }
    }
}

/// What is sought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query {
    /// Which of the tensor's sequences of scores.
    pub(super) sequence: usize,
    /// Which element.
    pub(super) rank: Rank,
}

/// The rank of the element whose score is sought.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rank {
    /// So many elements stay: none for 0, all for their number or more.
    Largest(u64),
    /// As above, so large a share of those that are not zero, rounded down.
    OfNonzero(f64),
    /// The element of this rank, the largest having 1: its score, in any case.
    Value(u64),
}

/// Bits that one histogram counts by: its 2^16 counters stay in the second-level cache, and a band is a 256th of an octave.
const HISTOGRAM_BITS: u32 = 16;

/// Tiles of a span: a histogram is added to the whole once a span.
const SPAN_TILES: usize = 128;

/// Elements that may be collected for one search; 8 bytes each, 12 in f64.
const COLLECTED: u64 = 1 << 20;

/// Guesses before a search counts.
const GUESSES: usize = 3;

/// About how much memory one search among the `elements` magnitudes of one tensor holds, each of `width` bytes, as long as its
/// guess is right: the sample and what is collected.
#[expect(clippy::cast_sign_loss, reason = "a share is not negative")]
pub(super) fn memory(elements: u64, width: u64) -> u64 {
    let (sample, held) = match sample::size(elements as usize) as u64 {
        0 => (0, elements),
        size => (size, (elements as f64 * sample::widest(size)) as u64),
    };
    sample * width + held.min(COLLECTED) * (size_of::<u32>() as u64 + width)
}

/// Memory of the counts of one search.
pub(super) fn counters(threads: u64) -> u64 {
    (1 << HISTOGRAM_BITS) * (threads * size_of::<u32>() as u64 + size_of::<u64>() as u64)
}

/// The search for one element.
struct Search {
    /// Index among the tensor's sequences of scores.
    sequence: usize,
    /// Which of the elements that are still in question is sought, from the largest: 1 is the largest.
    rank: u64,
    /// The share of elements that are not zero whose number will be the rank.
    share: Option<f64>,
    zeros: AtomicU64,
    state: State,
    counts: Mutex<Vec<u64>>,
    /// The place in the sample to guess at next.
    place: Option<f64>,
    guesses: usize,
    /// Elements that the guessed band was seen to hold.
    held: AtomicU64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Count(Digits),
    Guess(Guess),
    Collect {
        low: u64,
        high: u64,
    },
    /// All bits are known; `rank` of the elements that equal them stay.
    Equal(u64),
    Done(Threshold),
}

/// What a span contributes to a search.
enum Found<S: Real> {
    Nothing,
    /// The span is the whole tensor: the rank and state after it.
    Narrowed(u64, State),
    /// Positions in the span, with scores.
    Collected(Vec<Banded<S::Bits>>),
    Guessed(Guessed<S>),
    Equal(u64),
}

/// What a span has of a guessed band.
struct Guessed<S: Real> {
    /// Elements above it, and elements that are zero.
    above: u64,
    zeros: u64,
    /// As with [`Found::Collected`].
    inside: Vec<Banded<S::Bits>>,
}

/// The thresholds of some tensors: those of the tensor at each place of `scores`, with its number of elements and what is
/// sought.
pub(super) fn search<S: Real>(
    scores: &impl Scores<S>,
    queries: &[(u64, Vec<Query>)],
    workers: &Workers<'_>,
) -> Result<Vec<Vec<Threshold>>, Error> {
    let tile = workers.options.tile();
    let mut searches: Vec<Vec<Search>> = queries
        .iter()
        .map(|(n, queries)| queries.iter().map(|query| Search::begin::<S>(*query, *n, tile as u64)).collect())
        .collect();
    let mut samples = samples(scores, queries, &mut searches, workers)?;
    loop {
        for ((searches, sample), (n, _)) in searches.iter_mut().zip(&mut samples).zip(queries) {
            for search in searches {
                search.guess::<S>(sample, *n);
            }
        }
        let mut spans: Vec<(usize, Span)> = Vec::new();
        for (at, (n, _)) in queries.iter().enumerate() {
            if searches[at].iter().any(Search::is_open) {
                spans.extend(Span::cut(scores.tensor(at), *n as usize, SPAN_TILES * tile).map(|span| (at, span)));
            }
        }
        if spans.is_empty() {
            let done = |searches: Vec<Search>| searches.iter().map(Search::threshold::<S>).collect();
            return Ok(searches.into_iter().map(done).collect());
        }
        let found = workers.map(&spans, |scratch, (at, span)| {
            look::<S>(scores, *at, &searches[*at], queries[*at].0, span, scratch, workers)
        })?;
        let mut found = spans.iter().zip(found).peekable();
        while let Some(at) = found.peek().map(|((at, _), _)| *at) {
            let mut here = Vec::new();
            while let Some(((_, span), models)) = found.next_if(|((other, _), _)| *other == at) {
                here.push((span, models));
            }
            let leaders = leaders(&searches[at]);
            let counts: Vec<Vec<u64>> = searches[at]
                .iter()
                .map(|search| {
                    std::mem::take(&mut *search.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
                })
                .collect();
            for (index, search) in searches[at].iter_mut().enumerate() {
                let parts: Vec<(&Span, &Found<S>)> = here.iter().map(|(span, found)| (*span, &found[index])).collect();
                search.advance::<S>(scores, at, queries[at].0, &parts, &counts[leaders[index]], workers)?;
            }
        }
    }
}

/// Samples of the tensors whose elements would have to be counted.
fn samples<S: Real>(
    scores: &impl Scores<S>,
    queries: &[(u64, Vec<Query>)],
    searches: &mut [Vec<Search>],
    workers: &Workers<'_>,
) -> Result<Vec<Sample<S>>, Error> {
    let mut tensors: Vec<(usize, usize, Vec<usize>)> = Vec::new();
    for (at, ((n, _), searches)) in queries.iter().zip(&*searches).enumerate() {
        let counting = searches.iter().filter(|search| matches!(search.state, State::Count(_)));
        tensors.push((at, *n as usize, distinct(counting.map(|search| search.sequence))));
    }
    let samples = sample::take(scores, &tensors, workers)?;
    for ((searches, sample), (n, _)) in searches.iter_mut().zip(&samples).zip(queries) {
        for search in searches.iter_mut().filter(|search| matches!(search.state, State::Count(_))) {
            let Some((_, bits)) = sample.iter().find(|(sequence, _)| *sequence == search.sequence) else { continue };
            let size = bits.len() as f64;
            let nonzero = || bits.iter().filter(|bits| **bits != S::bits(0)).count() as f64;
            let place = search.share.map_or_else(|| search.rank as f64 / *n as f64 * size, |share| share * nonzero());
            search.place = (size > 0.0).then_some(place);
        }
    }
    Ok(samples)
}

fn distinct(sequences: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut sequences: Vec<usize> = sequences.collect();
    sequences.sort_unstable();
    sequences.dedup();
    sequences
}

/// For each search the first that counts the same digits of the same scores: it counts for all of them.
fn leaders(searches: &[Search]) -> Vec<usize> {
    let same =
        |a: &Search, b: &Search| matches!(a.state, State::Count(_)) && a.state == b.state && a.sequence == b.sequence;
    let leader = |(index, search)| searches[..index].iter().position(|other| same(other, search)).unwrap_or(index);
    searches.iter().enumerate().map(leader).collect()
}

/// One pass over a span, for all of the tensor's open searches at once.
fn look<S: Real>(
    scores: &impl Scores<S>,
    at: usize,
    searches: &[Search],
    n: u64,
    span: &Span,
    scratch: &mut Scratch,
    workers: &Workers<'_>,
) -> Result<Vec<Found<S>>, Error> {
    let level = workers.options.level;
    let Scratch { inputs, scores: room, counts, .. } = scratch;
    let bins = 1 << HISTOGRAM_BITS;
    let leaders = leaders(searches);
    let counting = searches.iter().any(|search| matches!(search.state, State::Count(_)));
    counts.clear();
    counts.resize(if counting { bins * searches.len() } else { 0 }, 0);
    let mut zeros = vec![0; searches.len()];
    let mut found: Vec<Found<S>> = searches
        .iter()
        .map(|search| match search.state {
            State::Collect { .. } => Found::Collected(Vec::new()),
            State::Equal(_) => Found::Equal(0),
            State::Guess(guess) => {
                let inside = Vec::with_capacity(guess.expected(n, span.range.len()));
                Found::Guessed(Guessed { above: 0, zeros: 0, inside })
            }
            State::Count(_) | State::Done(_) => Found::Nothing,
        })
        .collect();
    let which = distinct(searches.iter().filter(|search| search.is_open()).map(|search| search.sequence));
    for tile in span.tiles(scores.tile(workers.options.tile())) {
        workers.options.check_cancelled()?;
        let values = scores.load(at, &tile, &which, Room { inputs: &mut *inputs, scores: &mut *room })?;
        let Some((base, sequences)) = values.split_first() else { continue };
        for (index, search) in searches.iter().enumerate().filter(|(_, search)| search.is_open()) {
            let Some(x) = which.iter().position(|s| *s == search.sequence).and_then(|s| sequences.get(s)) else {
                continue;
            };
            match (search.state, &mut found[index]) {
                (State::Count(digits), _) => {
                    if leaders[index] == index {
                        histogram(level, base, x, digits, &mut counts[index * bins..(index + 1) * bins]);
                    }
                    if search.share.is_some() {
                        zeros[index] += count_magnitude(level, base, x, S::bits(0));
                    }
                }
                (State::Collect { low, high }, Found::Collected(inside)) => {
                    let start = (tile.start - span.range.start) as u32;
                    survey(level, base, x, S::bits(low), S::bits(high), start, inside);
                }
                (State::Guess(guess), Found::Guessed(found)) if search.held.load(Ordering::Relaxed) <= COLLECTED => {
                    let start = (tile.start - span.range.start) as u32;
                    let (low, high, before) = (S::bits(guess.low), S::bits(guess.high), found.inside.len());
                    found.above += survey(level, base, x, low, high, start, &mut found.inside);
                    search.held.fetch_add((found.inside.len() - before) as u64, Ordering::Relaxed);
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
    for (index, search) in searches.iter().enumerate() {
        let State::Count(digits) = search.state else { continue };
        let leader = leaders[index];
        let counts = counts[leader * bins..(leader + 1) * bins].iter().map(|count| u64::from(*count));
        if span.range.len() as u64 == n {
            let rank = search.rank_among(n - zeros[index]);
            let (rank, state) = narrow::<S>(rank, digits, &counts.collect::<Vec<_>>(), n);
            found[index] = Found::Narrowed(rank, state);
            continue;
        }
        search.zeros.fetch_add(zeros[index], Ordering::Relaxed);
        if leader == index
            && let Ok(mut total) = search.counts.lock()
        {
            total.resize(bins, 0);
            for (total, count) in total.iter_mut().zip(counts) {
                *total += count;
            }
        }
    }
    Ok(found)
}

impl Search {
    fn begin<S: Real>(query: Query, n: u64, tile: u64) -> Self {
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
            Self::first_digits::<S>()
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
            held: AtomicU64::new(0),
        }
    }

    fn first_digits<S: Real>() -> State {
        let shift = S::MAGNITUDE_BITS - HISTOGRAM_BITS;
        State::Count(Digits { prefix: 0, prefix_shift: 64, shift, width: HISTOGRAM_BITS })
    }

    /// Guesses where there is a place to guess at.
    fn guess<S: Real>(&mut self, sample: &mut Sample<S>, n: u64) {
        let Some(place) = self.place.take() else { return };
        let Some((_, bits)) = sample.iter_mut().find(|(sequence, _)| *sequence == self.sequence) else { return };
        if let Some(guess) = sample::guess::<S>(bits, place, n, COLLECTED).filter(|_| self.guesses < GUESSES) {
            self.guesses += 1;
            self.held = AtomicU64::new(0);
            self.state = State::Guess(guess);
        }
    }

    /// Looks at what a guessed band holds: the element that is sought, or how far away that is.
    fn check<S: Real>(&mut self, guess: Guess, n: u64, parts: &[(&Span, &Found<S>)]) {
        let (mut above, mut zeros, mut inside) = (0, 0, 0);
        for (_, found) in parts {
            let Found::Guessed(found) = found else { continue };
            above += found.above;
            zeros += found.zeros;
            inside += found.inside.len() as u64;
        }
        self.state = Self::first_digits::<S>();
        if self.held.load(Ordering::Relaxed) > COLLECTED {
            return;
        }
        self.rank = self.rank_among(n - zeros);
        self.share = None;
        if self.rank == 0 || (self.rank > above && self.rank <= above + inside) {
            self.rank = self.rank.saturating_sub(above);
            self.pick::<S>(parts);
            return;
        }
        let [high, low] = guess.places;
        let off = |known: u64| (self.rank as f64 - known as f64) / n as f64;
        let size = sample::size(n as usize) as f64;
        self.place = Some(if self.rank <= above { high + off(above) * size } else { low + off(above + inside) * size });
    }

    fn is_open(&self) -> bool {
        !matches!(self.state, State::Done(_))
    }

    fn threshold<S: Real>(&self) -> Threshold {
        match self.state {
            State::Done(threshold) => threshold,
            _ => Threshold::none::<S>(),
        }
    }

    /// The rank, given how many elements are not zero.
    #[expect(clippy::cast_sign_loss, reason = "a share is not negative")]
    fn rank_among(&self, nonzero: u64) -> u64 {
        self.share.map_or(self.rank, |share| (nonzero as f64 * share).floor() as u64)
    }

    /// Takes in what a pass found, in the order of the spans.
    fn advance<S: Real>(
        &mut self,
        scores: &impl Scores<S>,
        at: usize,
        n: u64,
        parts: &[(&Span, &Found<S>)],
        counts: &[u64],
        workers: &Workers<'_>,
    ) -> Result<(), Error> {
        match self.state {
            State::Done(_) => {}
            State::Count(digits) => {
                (self.rank, self.state) = if let [(_, Found::Narrowed(rank, state))] = parts {
                    (*rank, *state)
                } else {
                    let rank = self.rank_among(n - self.zeros.load(Ordering::Relaxed));
                    narrow::<S>(rank, digits, counts, n)
                };
                self.share = None;
            }
            State::Guess(guess) => self.check::<S>(guess, n, parts),
            State::Collect { .. } => self.pick::<S>(parts),
            State::Equal(bits) => {
                let mut left = self.rank;
                for (span, found) in parts {
                    let Found::Equal(count) = found else { continue };
                    if left <= *count {
                        let cut = self.position_of::<S>(scores, at, span, bits, left, workers)? + 1;
                        self.state = State::Done(Threshold { bits, cut });
                        break;
                    }
                    left -= count;
                }
            }
        }
        Ok(())
    }

    /// Picks the threshold among the collected elements.
    fn pick<S: Real>(&mut self, parts: &[(&Span, &Found<S>)]) {
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
        let rank = self.rank_among(nonzero) as usize;
        let Some(at) = rank.checked_sub(1).filter(|at| *at < magnitudes.len()) else {
            self.state = State::Done(Threshold::none::<S>());
            return;
        };
        let (larger, &mut threshold, _) = magnitudes.select_nth_unstable_by(at, |a, b| b.cmp(a));
        // Of those that equal the threshold as many stay as are left after the larger ones, from the front.
        let stay = at - larger.iter().filter(|bits| **bits > threshold).count();
        let mut equal = collected().flat_map(|(start, inside)| {
            let equal = inside.iter().filter(move |found| { found.bits } == threshold);
            equal.map(move |found| start + u64::from(found.position))
        });
        let last = equal.nth(stay).unwrap_or_default();
        self.state = State::Done(Threshold { bits: threshold.into(), cut: last + 1 });
    }

    /// The position of the `nth` element (from 1) of `span` whose score is `bits`.
    fn position_of<S: Real>(
        &self,
        scores: &impl Scores<S>,
        at: usize,
        span: &Span,
        bits: u64,
        nth: u64,
        workers: &Workers<'_>,
    ) -> Result<u64, Error> {
        let (mut inputs, mut room) = (Vec::new(), Vec::new());
        let mut left = nth;
        for tile in span.tiles(workers.options.tile()) {
            workers.options.check_cancelled()?;
            let room = Room { inputs: &mut inputs, scores: &mut room };
            let values = scores.load(at, &tile, &[self.sequence], room)?;
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
}

/// From a histogram to the band that holds the sought element: its rank there, and what is to be done next.
fn narrow<S: Real>(rank: u64, digits: Digits, counts: &[u64], n: u64) -> (u64, State) {
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
