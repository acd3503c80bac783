//! Finding the k-th largest magnitude of a task vector without sorting it.
//!
//! Magnitudes are compared as integers (the bits without the sign), which order as the numbers do. A histogram of their
//! leading digits ([`histogram`]) shows which narrow band the threshold lies in; the few elements of that band are then
//! collected ([`survey`]) and the threshold picked among them.

use super::Real;
use super::simd_level::per_level;

/// A run of bits of a magnitude, below bits that are already known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    /// The bits above, as a number: only magnitudes that begin with them are counted.
    pub prefix: u64,
    /// How far a magnitude is shifted right to give the prefix; 64 when no bits are known.
    pub prefix_shift: u32,
    /// How far a magnitude is shifted right so that the run is lowest.
    pub shift: u32,
    /// Bits of the run.
    pub width: u32,
}

/// An element of a band. Packed, because many are held at once: 12 bytes for f64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, packed(4))]
pub struct Banded<B: Copy> {
    /// Its position.
    pub position: u32,
    /// The bits of its magnitude.
    pub bits: B,
}

per_level! {
    /// Counts the magnitudes of `x − base` by the given digits: `counts[digit] += 1`. `counts` holds 2^width numbers.
    pub fn histogram<T: Real>(base: &[T], x: &[T], digits: Digits, counts: &mut [u32]) {
        const CHUNK: usize = 64;
        let mask = (1u64 << digits.width) - 1;
        for (x, base) in x.chunks(CHUNK).zip(base.chunks(CHUNK)) {
            // The bits are computed in a loop of their own, which vectorises; counting does not.
            let mut bits = [T::Bits::default(); CHUNK];
            for ((bits, x), base) in bits.iter_mut().zip(x).zip(base) {
                *bits = (*x - *base).magnitude_bits();
            }
            for bits in &bits[..x.len()] {
                let bits: u64 = (*bits).into();
                if (digits.prefix_shift >= 64 || bits >> digits.prefix_shift == digits.prefix)
                    && let Some(count) = counts.get_mut(((bits >> digits.shift) & mask) as usize)
                {
                    *count += 1;
                }
            }
        }
    }
}

per_level! {
    /// Appends the magnitudes of `x − base` from `low` to `high` to `inside`, in order, with their positions counted
    /// from `start`. Returns how many are above `high`.
    pub fn survey<T: Real>(
        base: &[T], x: &[T], low: T::Bits, high: T::Bits, start: u32, inside: &mut Vec<Banded<T::Bits>>,
    ) -> u64 {
        const CHUNK: usize = 32;
        let (mut position, mut above) = (start, 0);
        let ((chunks, rest), (base_chunks, base_rest)) = (x.as_chunks::<CHUNK>(), base.as_chunks::<CHUNK>());
        for (x, base) in chunks.iter().zip(base_chunks) {
            let mut bits = [T::Bits::default(); CHUNK];
            let (mut reached, mut passed) = (0u32, 0u32);
            for ((bits, x), base) in bits.iter_mut().zip(x).zip(base) {
                *bits = (*x - *base).magnitude_bits();
                reached += u32::from(*bits >= low);
                passed += u32::from(*bits > high);
            }
            above += u64::from(passed);
            // Few chunks have elements of a narrow band.
            if reached != passed {
                for (index, bits) in bits.iter().enumerate() {
                    if *bits >= low && *bits <= high {
                        inside.push(Banded { position: position + index as u32, bits: *bits });
                    }
                }
            }
            position += CHUNK as u32;
        }
        for (index, (x, base)) in rest.iter().zip(base_rest).enumerate() {
            let bits = (*x - *base).magnitude_bits();
            above += u64::from(bits > high);
            if bits >= low && bits <= high {
                inside.push(Banded { position: position + index as u32, bits });
            }
        }
        above
    }
}

per_level! {
    /// Appends to `found` the indices of numbers that are at least the floor of their column. Rows are as long as `floors`.
    /// NaN is never found.
    pub fn reaching(rows: &[f32], floors: &[f32], found: &mut Vec<u32>) {
        const CHUNK: usize = 16;
        let (floor_chunks, floor_rest) = floors.as_chunks::<CHUNK>();
        for (row, start) in rows.chunks_exact(floors.len()).zip((0u32..).step_by(floors.len())) {
            let (chunks, rest) = row.as_chunks::<CHUNK>();
            for ((chunk, floors), start) in chunks.iter().zip(floor_chunks).zip((start..).step_by(CHUNK)) {
                let mut reached = 0;
                for (x, floor) in chunk.iter().zip(floors) {
                    reached += u32::from(*x >= *floor);
                }
                // Few chunks have any.
                if reached > 0 {
                    let all = chunk.iter().zip(floors).zip(start..);
                    found.extend(all.filter(|((x, floor), _)| x >= floor).map(|(_, index)| index));
                }
            }
            let all = rest.iter().zip(floor_rest).zip(start + (chunks.len() * CHUNK) as u32..);
            found.extend(all.filter(|((x, floor), _)| x >= floor).map(|(_, index)| index));
        }
    }
}

per_level! {
    /// The number of magnitudes of `x − base` that equal `bits`.
    pub fn count_magnitude<T: Real>(base: &[T], x: &[T], bits: T::Bits) -> u64 {
        let mut count = 0;
        for (x, base) in x.chunks(4096).zip(base.chunks(4096)) {
            let mut equal = 0u32;
            for (x, base) in x.iter().zip(base) {
                equal += u32::from((*x - *base).magnitude_bits() == bits);
            }
            count += u64::from(equal);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    #[test]
    fn what_reaches_its_floor_is_found() {
        for width in [1, 3, 16, 40, 125] {
            let value = |i: usize| (i * 7919 % 101) as f32;
            let mut rows: Vec<f32> = (0..width * 9).map(value).collect();
            rows[width * 4] = f32::NAN;
            let floors: Vec<f32> = (0..width).map(|column| value(column + 13)).collect();
            let expected: Vec<u32> = (0..rows.len())
                .filter(|index| rows[*index] >= floors[index % width])
                .map(|index| index as u32)
                .collect();
            for level in SimdLevel::available() {
                let mut found = vec![7];
                reaching(level, &rows, &floors, &mut found);
                assert_eq!(found[1..], expected, "{width}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn counts_agree_with_a_naive_version(
            x in proptest::collection::vec((-8i8..8).prop_map(|v| f32::from(v) / 4.0), 0..300), low in 0u32..8, width in 0u32..4,
        ) {
            let base = vec![0.25; x.len()];
            let delta: Vec<u32> = x.iter().map(|x| (x - 0.25f32).abs().to_bits()).collect();
            let (low, high) = ((low as f32 / 4.0).to_bits(), ((low + width) as f32 / 4.0).to_bits());
            for level in SimdLevel::available() {
                let mut inside = Vec::new();
                let above = survey(level, &base, &x, low, high, 10, &mut inside);
                let expected: Vec<(u32, u32)> = (10u32..).zip(delta.iter().copied()).filter(|(_, b)| (low..=high).contains(b)).collect();
                let inside: Vec<(u32, u32)> = inside.iter().map(|found| (found.position, found.bits)).collect();
                prop_assert_eq!(inside, expected);
                prop_assert_eq!(above, delta.iter().filter(|b| **b > high).count() as u64);
                prop_assert_eq!(count_magnitude(level, &base, &x, low), delta.iter().filter(|b| **b == low).count() as u64);
                let mut counts = vec![0u32; 256];
                histogram(level, &base, &x, Digits { prefix: 0, prefix_shift: 64, shift: 23, width: 8 }, &mut counts);
                for (digit, count) in counts.iter().enumerate() {
                    prop_assert_eq!(*count as usize, delta.iter().filter(|b| (**b >> 23) as usize == digit).count());
                }
            }
        }
    }
}
