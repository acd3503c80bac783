//! Masks drawn with a probability that rises with an element's rank in its row.

use super::simd_level::per_level;
use super::{Real, limit};

/// How elements of a row are kept by rank.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByRank {
    /// The mean probability with which an element stays.
    pub density: f64,
    /// Half the spread: the smallest element stays with `density − epsilon`, the largest with `density + epsilon`.
    pub epsilon: f64,
}

/// Scratch memory for [`mask_by_rank`].
#[derive(Debug)]
pub struct RankBuffers<T: Real> {
    magnitudes: Vec<T::Bits>,
    buckets: Vec<u32>,
    counts: Vec<u32>,
    /// The limit of each rank in rows of one length.
    limits: Vec<u32>,
    open: Vec<u32>,
    order: Vec<T::Ranked>,
}

/// Number of buckets for the magnitudes of a row: 128 for each of the eight largest octaves. Smaller magnitudes share the
/// first bucket.
const BUCKETS: u32 = 1024;
/// Leading bits of the significand that select the bucket.
const DIGITS: u32 = 7;
/// The most elements of a row whose ranks are counted one by one; with more the row is sorted.
const OPEN: usize = 64;

per_level! {
    /// Draws a mask for rows of `row` elements: 1 for elements that are kept. Elements are ranked by |x − base|, the
    /// smallest first, ties by higher index first; `draws` has a random number for each element.
    ///
    /// Most random numbers give the same decision for every rank in the element's bucket; only the rest need the exact
    /// rank.
    #[expect(clippy::too_many_arguments, reason = "kernels take plain slices")]
    pub fn mask_by_rank<T: Real>(
        by: ByRank, row: usize, base: &[T], x: &[T], draws: &[u32], buffers: &mut RankBuffers<T>, out: &mut [u8],
    ) {
        for (index, out) in out.chunks_mut(row).enumerate() {
            let here = index * row..index * row + out.len();
            let (base, x, draws) = (&base[here.clone()], &x[here.clone()], &draws[here]);
            buffers.prepare(by, out.len());
            buffers.spread(base, x);
            buffers.decide(draws, out);
            // Deciding by bucket relies on limits that rise with the rank.
            if by.epsilon < 0.0 || buffers.open.len() > OPEN {
                buffers.sort(draws, out);
                continue;
            }
            for at in &buffers.open {
                let at = *at as usize;
                let magnitude = buffers.magnitudes[at];
                let (before, behind) = buffers.magnitudes.split_at(at);
                let mut rank = 0u32;
                for other in before {
                    rank += u32::from(*other < magnitude);
                }
                for other in &behind[1..] {
                    rank += u32::from(*other <= magnitude);
                }
                out[at] = u8::from(draws[at] < buffers.limits[rank as usize]);
            }
        }
    }
}

impl<T: Real> Default for RankBuffers<T> {
    fn default() -> Self {
        Self {
            magnitudes: Vec::new(),
            buckets: Vec::new(),
            counts: Vec::new(),
            limits: Vec::new(),
            open: Vec::new(),
            order: Vec::new(),
        }
    }
}

#[expect(clippy::inline_always, reason = "parts of a kernel body")]
impl<T: Real> RankBuffers<T> {
    /// Computes the limits for rows of `n` elements. All calls on one value have the same `by`.
    #[inline(always)]
    fn prepare(&mut self, by: ByRank, n: usize) {
        if self.limits.len() != n {
            let last = n.saturating_sub(1) as f64;
            self.limits.clear();
            self.limits.extend((0..n).map(|rank| {
                let place = if last > 0.0 { rank as f64 / last } else { 0.5 };
                limit(by.density - by.epsilon + place * (2.0 * by.epsilon))
            }));
        }
    }

    /// Computes magnitudes, their buckets, and the number of elements in the buckets below each.
    #[inline(always)]
    fn spread(&mut self, base: &[T], x: &[T]) {
        let exponent = if T::MAGNITUDE_BITS == 31 { 8 } else { 11 };
        let shift = T::MAGNITUDE_BITS - exponent - DIGITS;
        self.magnitudes.clear();
        self.magnitudes.extend(x.iter().zip(base).map(|(x, base)| (*x - *base).magnitude_bits()));
        self.buckets.clear();
        self.buckets.extend(self.magnitudes.iter().map(|bits| (Into::<u64>::into(*bits) >> shift) as u32));
        let mut largest = 0;
        for bucket in &self.buckets {
            largest = if *bucket > largest { *bucket } else { largest };
        }
        let lowest = largest.saturating_sub(BUCKETS - 1);
        for bucket in &mut self.buckets {
            *bucket = bucket.saturating_sub(lowest);
        }
        self.counts.clear();
        self.counts.resize(BUCKETS as usize + 1, 0);
        for bucket in &self.buckets {
            self.counts[*bucket as usize + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut self.counts {
            sum += *count;
            *count = sum;
        }
    }

    /// Decides by bucket, and lists the elements that need their exact rank.
    #[inline(always)]
    fn decide(&mut self, draws: &[u32], out: &mut [u8]) {
        self.open.clear();
        for (at, ((out, draw), bucket)) in out.iter_mut().zip(draws).zip(&self.buckets).enumerate() {
            let bucket = *bucket as usize;
            let (first, end) = (self.counts[bucket] as usize, self.counts[bucket + 1] as usize);
            let stays = *draw < self.limits[first];
            *out = u8::from(stays);
            if !stays && *draw < self.limits[end - 1] {
                self.open.push(at as u32);
            }
        }
    }

    #[inline(always)]
    fn sort(&mut self, draws: &[u32], out: &mut [u8]) {
        let Self { magnitudes, order, limits, .. } = self;
        order.clear();
        order.extend(magnitudes.iter().enumerate().map(|(index, bits)| T::ranked(*bits, !(index as u32))));
        order.sort_unstable();
        for (ranked, limit) in order.iter().zip(limits) {
            let index = !T::index(*ranked) as usize;
            out[index] = u8::from(draws[index] < *limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    fn masked<T: Real>(level: SimdLevel, by: ByRank, row: usize, x: &[T], draws: &[u32]) -> Vec<u8> {
        let mut out = vec![9; x.len()];
        mask_by_rank(level, by, row, &vec![T::of(0.25); x.len()], x, draws, &mut RankBuffers::default(), &mut out);
        out
    }

    /// The mask of one row, from the definition.
    fn naive(by: ByRank, x: &[f64], draws: &[u32]) -> Vec<u8> {
        let n = x.len();
        let magnitude = |i: usize| (x[i] - 0.25).abs();
        let stays = |i: usize| {
            let equal = |j: usize| magnitude(j).to_bits() == magnitude(i).to_bits() && j > i;
            let below = (0..n).filter(|j| magnitude(*j) < magnitude(i) || equal(*j)).count();
            let place = if n > 1 { below as f64 / (n - 1) as f64 } else { 0.5 };
            u8::from(draws[i] < limit(by.density - by.epsilon + place * (2.0 * by.epsilon)))
        };
        (0..n).map(stays).collect()
    }

    proptest! {
        // Few values, so that ties are many, or values over many octaves.
        #[test]
        fn an_element_stays_when_its_number_is_below_the_probability_of_its_rank(
            elements in proptest::collection::vec((-8i8..8, 0i32..40, any::<u32>()), 0..400), octaves: bool, row in 1usize..300,
            density in 0.3f64..0.7, epsilon in 0.0f64..0.3,
        ) {
            let by = ByRank { density, epsilon };
            let scale = |exponent: i32| if octaves { libm::ldexp(1.0, -exponent) } else { 0.25 };
            let (x, draws): (Vec<f64>, Vec<u32>) =
                elements.into_iter().map(|(x, e, draw)| (f64::from((0.25 + f64::from(x) * scale(e)) as f32), draw)).unzip();
            let single: Vec<f32> = x.iter().map(|x| *x as f32).collect();
            let rows = x.chunks(row).zip(draws.chunks(row));
            let expected: Vec<u8> = rows.flat_map(|(x, draws)| naive(by, x, draws)).collect();
            for level in SimdLevel::available() {
                prop_assert_eq!(&masked(level, by, row, &x, &draws), &expected);
                if !octaves {
                    prop_assert_eq!(&masked(level, by, row, &single, &draws), &expected);
                }
            }
        }
    }

    #[test]
    fn long_rows_agree_too() {
        let hash = |i: u32| i.wrapping_mul(0x9e37_79b1) ^ (i.wrapping_mul(0x85eb_ca6b) >> 13);
        let draws: Vec<u32> = (0..3000).map(|i| hash(i + 77)).collect();
        let x: Vec<f64> = (0..3000).map(|i| 0.25 + f64::from(hash(i) % 65_536) / 65_536.0).collect();
        // One large element leaves all others to the first buckets.
        let mut outlier = x.clone();
        outlier[1234] = 1e20;
        let by = ByRank { density: 0.4, epsilon: 0.2 };
        for x in [x, outlier, vec![0.25; 3000]] {
            assert_eq!(masked(SimdLevel::best(), by, 3000, &x, &draws), naive(by, &x, &draws));
        }
    }
}
