//! Guesses from a sample the band of scores that contains the element of a rank.
//!
//! A pass that collects a guessed band counts exactly what is above it, which reveals a wrong guess and how far it was off,
//! so that the next guess is nearly always right. The resulting threshold does not depend on the guess.

use std::ops::Range;

use super::scores::{ScoreBuffers, Scores};
use crate::kernel::Real;
use crate::merge::buffers::Scratch;
use crate::merge::workers::Workers;
use crate::merge::{Error, Options};

/// Number of neighbouring elements in a run of the sample. Runs are short, because neighbours are alike.
const RUN: usize = 256;
/// A sample has one of this many elements,
const EVERY: usize = 64;
/// but at least this many
const LEAST: usize = 1 << 14;
/// and at most this many.
const MOST: usize = 1 << 20;
/// The half width of a guess: this many standard deviations of a position in the sample,
const SIGMAS: f64 = 4.0;
/// plus this many positions.
const MARGIN: f64 = 8.0;
/// Number of runs that a thread reads at a time.
const PART: usize = 128;

/// The scores of a sample of one tensor: sequences, each with a list of scores.
pub(super) type Sample<S> = Vec<(usize, Vec<<S as Real>::Bits>)>;

/// Number of runs in the sample of a tensor of `n` elements; 0 where the tensor is so small that two passes cost little.
fn runs(n: usize) -> usize {
    if n < 8 * LEAST { 0 } else { (n / EVERY).clamp(LEAST, MOST) / RUN }
}

/// Number of elements in the sample of a tensor of `n` elements.
pub(super) fn size(n: usize) -> usize {
    runs(n) * RUN
}

/// The share of the elements that the widest guess from a sample of `size` covers, which is the guess at the median.
pub(super) fn widest(size: u64) -> f64 {
    let size = size as f64;
    2.0 * (SIGMAS * size.sqrt() / 2.0 + MARGIN) / size
}

/// The elements of run `index`. Runs are evenly spread, and each is shifted by a different amount, so that they do not all
/// fall into the same columns.
fn run(n: usize, index: usize) -> Range<usize> {
    let stride = n / runs(n);
    let moved = (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let start = index * stride + moved as usize % (stride - RUN + 1);
    start..start + RUN
}

/// Takes samples of tensors, each given by its index in `scores`, its number of elements, and the sequences to sample.
pub(super) fn take<S: Real>(
    scores: &impl Scores<S>,
    tensors: &[(usize, usize, Vec<usize>)],
    options: &Options<'_>,
    workers: &Workers<'_>,
) -> Result<Vec<Sample<S>>, Error> {
    let cut = |(index, (_, n, which)): (usize, &(usize, usize, Vec<usize>))| {
        let count = if which.is_empty() { 0 } else { runs(*n) };
        (0..count).step_by(PART).map(move |start| (index, start..(start + PART).min(count)))
    };
    let parts: Vec<(usize, Range<usize>)> = tensors.iter().enumerate().flat_map(cut).collect();
    let found = workers.map(&parts, |scratch, (index, part)| {
        let (at, n, which) = &tensors[*index];
        let Scratch { inputs, scores: score_buffer, .. } = scratch;
        let mut bits: Vec<Vec<S::Bits>> = vec![Vec::with_capacity(part.len() * RUN); which.len()];
        options.cancel.check(Error::Cancelled)?;
        for run in part.clone().map(|index| run(*n, index)) {
            let buffers = ScoreBuffers { inputs: &mut *inputs, scores: &mut *score_buffer };
            let values = scores.load(*at, &run, which, buffers)?;
            if let Some((base, sequences)) = values.split_first() {
                for (bits, x) in bits.iter_mut().zip(sequences) {
                    bits.extend(x.iter().zip(*base).map(|(x, base)| (*x - *base).magnitude_bits()));
                }
            }
            drop(values);
            scores.finish(*at, &run, which);
        }
        Ok(bits)
    })?;
    let mut samples: Vec<Sample<S>> =
        tensors.iter().map(|(_, _, which)| which.iter().map(|sequence| (*sequence, Vec::new())).collect()).collect();
    for ((index, _), lists) in parts.iter().zip(found) {
        for ((_, all), mut list) in samples[*index].iter_mut().zip(lists) {
            all.append(&mut list);
        }
    }
    Ok(samples)
}

/// A band of scores, with the positions of its ends in the sample. The largest score has position 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Guess {
    pub(super) low: u64,
    pub(super) high: u64,
    /// The positions of `high` and of `low`.
    pub(super) places: [f64; 2],
}

impl Guess {
    /// The probable number of elements in the band among `length` of the tensor's `n` elements, rounded up.
    #[expect(clippy::cast_sign_loss, reason = "the places are in order")]
    pub(super) fn expected(&self, n: u64, length: usize) -> usize {
        let [high, low] = self.places;
        let share = (low - high) / size(n as usize).max(1) as f64;
        (1.1 * share.min(1.0) * length as f64) as usize + RUN
    }
}

/// Guesses the band around position `place` of a sample of `n` elements, with a margin for chance. Returns `None` if the
/// band might have more than `most` of them.
#[expect(clippy::cast_sign_loss, reason = "places are not negative where they are used")]
pub(super) fn guess<S: Real>(sample: &mut [S::Bits], place: f64, n: u64, most: u64) -> Option<Guess> {
    let size = sample.len() as f64;
    let each = n as f64 / size;
    let share = (place / size).clamp(0.0, 1.0);
    let spread = SIGMAS * (size * share * (1.0 - share)).sqrt() + MARGIN;
    let spread = spread.min(0.2 * most as f64 / each);
    let (first, last) = ((place - spread).floor(), (place + spread).ceil());
    let mut at = |place: f64| {
        let (_, bits, _) = sample.select_nth_unstable_by(place as usize, |a, b| b.cmp(a));
        (*bits).into()
    };
    let high = if first < 0.0 { u64::MAX } else { at(first.min(size - 1.0)) };
    let low = if last >= size { 0 } else { at(last.max(0.0)) };
    let inside = sample.iter().filter(|bits| (low..=high).contains(&(**bits).into())).count();
    (inside as f64 * each < 0.9 * most as f64).then_some(Guess { low, high, places: [first, last] })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn runs_lie_inside_and_apart() {
        for n in [8 * LEAST, 8 * LEAST + 1, 589_824, 50_000_017, 192_001_536] {
            let all: Vec<Range<usize>> = (0..runs(n)).map(|index| run(n, index)).collect();
            assert!(all.len() * RUN >= LEAST && all.len() * RUN <= MOST, "{n}");
            assert!(all.windows(2).all(|pair| pair[0].end <= pair[1].start) && all.last().unwrap().end <= n, "{n}");
        }
        assert_eq!(runs(8 * LEAST - 1), 0);
    }

    #[test]
    fn a_guess_holds_what_it_is_asked_for() {
        let mut sample: Vec<u32> = (0..20_000u32).map(|i| i.wrapping_mul(7919) % 20_000).collect();
        let found = guess::<f32>(&mut sample, 5000.0, 640_000, 1 << 20).unwrap();
        assert!(found.low < 15_000 && found.high > 15_000 && found.high - found.low < 1000, "{found:?}");
        let ends = guess::<f32>(&mut sample, 0.0, 640_000, 1 << 20).unwrap();
        assert!(ends.high == u64::MAX && ends.low > 19_900, "{ends:?}");
        assert!(guess::<f32>(&mut vec![3; 20_000], 5000.0, 640_000, 1 << 10).is_none());
    }
}
