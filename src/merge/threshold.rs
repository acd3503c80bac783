//! The magnitude above which elements of a task vector stay: exact, and without sorting.
//!
//! A histogram of the first bits of all magnitudes tells in which narrow band the k-th largest lies. When few elements
//! are in the band they are collected in a second pass and the k-th is picked among them; otherwise the next bits are
//! counted. Where more elements equal the threshold than may stay, those of lower index do.

use std::sync::Mutex;

use super::Error;
use super::scratch::{Buffer, Scratch, finish_all, views};
use super::span::{Span, Workers};
use crate::kernel::{Digits, Real, count_magnitude, histogram, survey};
use crate::method::Keep;
use crate::plan::Plan;

/// Elements above `bits` stay, and those that equal it up to position `cut`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Threshold {
    /// The bits of the magnitude.
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
    fn none<T: Real>() -> Self {
        Self { bits: (1 << T::MAGNITUDE_BITS) - 1, cut: 0 }
    }
}

/// Bits that one histogram counts by: its 2^16 counters stay in the second-level cache, and a band is a 256th of an octave.
const HISTOGRAM_BITS: u32 = 16;

/// Tiles of a span: a histogram is added to the whole once a span.
const SPAN_TILES: usize = 128;

/// Elements that may be collected for one task vector; 8 bytes each, 16 in f64.
const COLLECTED: u64 = 1 << 20;

/// About how much memory one task vector of `elements` elements needs.
pub(super) fn memory(elements: u64, threads: u64) -> u64 {
    let counters = (1 << HISTOGRAM_BITS) * (threads * size_of::<u32>() as u64 + size_of::<u64>() as u64);
    counters + elements.min(COLLECTED) * 2 * size_of::<(u32, f32)>() as u64
}

/// The search for one task vector's threshold.
struct Search {
    /// Index among the tensor's inputs.
    input: usize,
    /// Which of the elements that are still in question is sought, from the largest: 1 is the largest.
    rank: u64,
    state: State,
    counts: Mutex<Vec<u64>>,
}

#[derive(Clone, Copy)]
enum State {
    Count(Digits),
    Collect {
        low: u64,
        high: u64,
    },
    /// All bits are known; `rank` of the elements that equal them stay.
    Equal(u64),
    Done(Threshold),
}

/// What a span contributes to a search.
enum Found<T: Real> {
    Nothing,
    /// The span is the whole tensor: the rank and state after it.
    Narrowed(u64, State),
    /// Positions in the span, with magnitudes.
    Collected(Vec<(u32, T::Bits)>),
    Equal(u64),
}

/// The thresholds of the given tensors, one a task vector; `keeps` gives each tensor's index and what stays of its task
/// vectors.
pub(super) fn search<T: Real>(
    plan: &Plan,
    keeps: &[(usize, Vec<Keep>)],
    workers: &Workers<'_>,
) -> Result<Vec<Vec<Threshold>>, Error> {
    let tile = workers.options.tile();
    let size = |tensor: usize| plan.tensors[tensor].elements;
    let mut searches: Vec<Vec<Search>> = keeps
        .iter()
        .map(|(tensor, keeps)| {
            (1..).zip(keeps).map(|(input, keep)| Search::begin::<T>(input, *keep, size(*tensor), tile as u64)).collect()
        })
        .collect();
    loop {
        let mut spans: Vec<(usize, Span)> = Vec::new();
        for (at, (tensor, _)) in keeps.iter().enumerate() {
            if searches[at].iter().any(Search::is_open) {
                spans.extend(Span::cut(*tensor, size(*tensor) as usize, SPAN_TILES * tile).map(|span| (at, span)));
            }
        }
        if spans.is_empty() {
            let done = |searches: Vec<Search>| searches.iter().map(Search::threshold::<T>).collect();
            return Ok(searches.into_iter().map(done).collect());
        }
        let found =
            workers.map(&spans, |scratch, (at, span)| look::<T>(plan, &searches[*at], span, scratch, workers))?;
        let mut found = spans.iter().zip(found).peekable();
        while let Some((at, tensor)) = found.peek().map(|((at, span), _)| (*at, span.tensor)) {
            let mut here = Vec::new();
            while let Some(((_, span), models)) = found.next_if(|((other, _), _)| *other == at) {
                here.push((span, models));
            }
            for (model, search) in searches[at].iter_mut().enumerate() {
                let parts: Vec<(&Span, &Found<T>)> =
                    here.iter().map(|(span, models)| (*span, &models[model])).collect();
                search.advance::<T>(plan, tensor, &parts, workers)?;
            }
        }
    }
}

/// One pass over a span, for all of the tensor's open searches at once.
fn look<T: Real>(
    plan: &Plan,
    searches: &[Search],
    span: &Span,
    scratch: &mut Scratch,
    workers: &Workers<'_>,
) -> Result<Vec<Found<T>>, Error> {
    let level = workers.options.level;
    let inputs = plan.tensors[span.tensor].work.inputs();
    let Scratch { inputs: buffers, counts, .. } = scratch.with_inputs(inputs.len());
    let bins = 1 << HISTOGRAM_BITS;
    counts.clear();
    counts.resize(bins * searches.len(), 0);
    let mut found: Vec<Found<T>> = searches
        .iter()
        .map(|search| match search.state {
            State::Collect { .. } => Found::Collected(Vec::new()),
            State::Equal(_) => Found::Equal(0),
            State::Count(_) | State::Done(_) => Found::Nothing,
        })
        .collect();
    let open: Vec<crate::plan::Input> = inputs
        .iter()
        .enumerate()
        .filter(|(index, _)| *index == 0 || searches.get(index - 1).is_some_and(Search::is_open))
        .map(|(_, input)| *input)
        .collect();
    for tile in span.tiles(workers.options.tile()) {
        workers.options.check_cancelled()?;
        let values: Vec<&[T]> = views(plan, &open, &tile, buffers, &workers.options)?;
        let Some((base, models)) = values.split_first() else { continue };
        let open_searches = searches.iter().enumerate().filter(|(_, search)| search.is_open());
        for ((at, search), x) in open_searches.zip(models) {
            match (search.state, &mut found[at]) {
                (State::Count(digits), _) => {
                    histogram(level, base, x, digits, &mut counts[at * bins..(at + 1) * bins]);
                }
                (State::Collect { low, high }, Found::Collected(inside)) => {
                    let start = (tile.start - span.range.start) as u32;
                    survey(level, base, x, T::bits(low), T::bits(high), start, inside);
                }
                (State::Equal(bits), Found::Equal(count)) => *count += count_magnitude(level, base, x, T::bits(bits)),
                _ => {}
            }
        }
        finish_all(plan, &open, &tile, &workers.options);
    }
    for (at, search) in searches.iter().enumerate() {
        let State::Count(digits) = search.state else { continue };
        let counts = counts[at * bins..(at + 1) * bins].iter().map(|count| u64::from(*count));
        let n = plan.tensors[span.tensor].elements;
        if span.range.len() as u64 == n {
            let (rank, state) = narrow(search.rank, digits, &counts.collect::<Vec<_>>(), n);
            found[at] = Found::Narrowed(rank, state);
        } else if let Ok(mut total) = search.counts.lock() {
            total.resize(bins, 0);
            for (total, count) in total.iter_mut().zip(counts) {
                *total += count;
            }
        }
    }
    Ok(found)
}

impl Search {
    fn begin<T: Real>(input: usize, keep: Keep, n: u64, tile: u64) -> Self {
        let rank = keep.window(n).1;
        let state = if rank == 0 {
            State::Done(Threshold::none::<T>())
        } else if rank >= n {
            State::Done(Threshold::all(n))
        } else if n <= tile {
            State::Collect { low: 0, high: u64::MAX }
        } else {
            let shift = T::MAGNITUDE_BITS - HISTOGRAM_BITS;
            State::Count(Digits { prefix: 0, prefix_shift: 64, shift, width: HISTOGRAM_BITS })
        };
        Self { input, rank, state, counts: Mutex::default() }
    }

    fn is_open(&self) -> bool {
        !matches!(self.state, State::Done(_))
    }

    fn threshold<T: Real>(&self) -> Threshold {
        match self.state {
            State::Done(threshold) => threshold,
            _ => Threshold::none::<T>(),
        }
    }

    /// Takes in what a pass found, in the order of the spans.
    fn advance<T: Real>(
        &mut self,
        plan: &Plan,
        tensor: usize,
        parts: &[(&Span, &Found<T>)],
        workers: &Workers<'_>,
    ) -> Result<(), Error> {
        let n = plan.tensors[tensor].elements;
        match self.state {
            State::Done(_) => {}
            State::Count(digits) => {
                (self.rank, self.state) = if let [(_, Found::Narrowed(rank, state))] = parts {
                    (*rank, *state)
                } else {
                    let counts = std::mem::take(&mut self.counts).into_inner().unwrap_or_default();
                    narrow(self.rank, digits, &counts, n)
                };
            }
            State::Collect { .. } => self.pick(parts),
            State::Equal(bits) => {
                let mut left = self.rank;
                for (span, found) in parts {
                    let Found::Equal(count) = found else { continue };
                    if left <= *count {
                        let cut = self.position_of::<T>(plan, span, bits, left, workers)? + 1;
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
    fn pick<T: Real>(&mut self, parts: &[(&Span, &Found<T>)]) {
        let collected = || {
            parts.iter().filter_map(|(span, found)| match found {
                Found::Collected(inside) => Some((span.range.start as u64, inside)),
                _ => None,
            })
        };
        let mut magnitudes: Vec<T::Bits> =
            collected().flat_map(|(_, inside)| inside.iter().map(|(_, bits)| *bits)).collect();
        let Some(at) = (self.rank as usize).checked_sub(1).filter(|at| *at < magnitudes.len()) else { return };
        let (larger, &mut threshold, _) = magnitudes.select_nth_unstable_by(at, |a, b| b.cmp(a));
        // Of those that equal the threshold as many stay as are left after the larger ones, from the front.
        let stay = at - larger.iter().filter(|bits| **bits > threshold).count();
        let mut equal = collected().flat_map(|(start, inside)| {
            inside.iter().filter(|(_, bits)| *bits == threshold).map(move |(position, _)| start + u64::from(*position))
        });
        let last = equal.nth(stay).unwrap_or_default();
        self.state = State::Done(Threshold { bits: threshold.into(), cut: last + 1 });
    }

    /// The position of the `nth` element (from 1) of `span` whose magnitude is `bits`.
    fn position_of<T: Real>(
        &self,
        plan: &Plan,
        span: &Span,
        bits: u64,
        nth: u64,
        workers: &Workers<'_>,
    ) -> Result<u64, Error> {
        let inputs = plan.tensors[span.tensor].work.inputs();
        let pair = [inputs[0], inputs[self.input]];
        let mut buffers = [Buffer::default(), Buffer::default()];
        let mut left = nth;
        for tile in span.tiles(workers.options.tile()) {
            workers.options.check_cancelled()?;
            let values: Vec<&[T]> = views(plan, &pair, &tile, &mut buffers, &workers.options)?;
            if let [base, x] = values[..] {
                for (offset, (x, base)) in x.iter().zip(base).enumerate() {
                    if (*x - *base).magnitude_bits() == T::bits(bits) {
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
fn narrow(rank: u64, digits: Digits, counts: &[u64], n: u64) -> (u64, State) {
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
