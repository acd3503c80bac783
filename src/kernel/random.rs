//! Random numbers that are a function of their position.
//!
//! Philox 4x32 with 10 rounds (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3): a block of four numbers
//! depends only on a counter and a key, so any part of a stream can be drawn in any order on any thread.

use super::simd_level::per_level;

/// A stream of random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The seed, which all streams of a run share.
    pub seed: u64,
    /// The name, which tells streams apart.
    pub name: u64,
}

/// Number of blocks computed at once.
const BLOCKS: usize = 16;
/// Number of random numbers in [`BLOCKS`] blocks.
const GROUP: usize = 4 * BLOCKS;

per_level! {
    /// Draws numbers `start`, `start + 1`, … of the stream.
    pub fn draw(stream: Stream, start: u64, out: &mut [u32]) {
        let mut group = start / GROUP as u64;
        let mut skip = (start % GROUP as u64) as usize;
        let mut out = out;
        while !out.is_empty() {
            let numbers = numbers(stream, group);
            let count = out.len().min(GROUP - skip);
            let (now, rest) = out.split_at_mut(count);
            now.copy_from_slice(&numbers[skip..skip + count]);
            out = rest;
            group += 1;
            skip = 0;
        }
    }
}

per_level! {
    /// Draws a mask: 1 where the stream's number, from `start` on, is below `limit`, and 0 elsewhere.
    pub fn draw_below(stream: Stream, start: u64, limit: u32, out: &mut [u8]) {
        let mut group = start / GROUP as u64;
        let mut skip = (start % GROUP as u64) as usize;
        let mut out = out;
        while !out.is_empty() {
            let numbers = numbers(stream, group);
            let count = out.len().min(GROUP - skip);
            let (now, rest) = out.split_at_mut(count);
            for (out, number) in now.iter_mut().zip(&numbers[skip..skip + count]) {
                *out = u8::from(*number < limit);
            }
            out = rest;
            group += 1;
            skip = 0;
        }
    }
}

/// The limit below which a random number lies with the given probability.
#[expect(clippy::cast_sign_loss, reason = "a probability is not negative")]
pub fn limit(probability: f64) -> u32 {
    // The conversion saturates at the range of the type.
    (probability * 4_294_967_296.0) as u32
}

/// The numbers of a run of blocks: the first words of all of them, then the second ones, and so on.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn numbers(stream: Stream, group: u64) -> [u32; GROUP] {
    let mut words = [[0u32; BLOCKS]; 4];
    let [low, high, names, more] = &mut words;
    for (lane, (low, high)) in low.iter_mut().zip(high).enumerate() {
        let block = group * BLOCKS as u64 + lane as u64;
        (*low, *high) = (block as u32, (block >> 32) as u32);
    }
    names.fill(stream.name as u32);
    more.fill((stream.name >> 32) as u32);
    philox(&mut words, [stream.seed as u32, (stream.seed >> 32) as u32]);
    let mut numbers = [0; GROUP];
    for (part, words) in numbers.chunks_exact_mut(BLOCKS).zip(&words) {
        part.copy_from_slice(words);
    }
    numbers
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn philox<const N: usize>(words: &mut [[u32; N]; 4], mut key: [u32; 2]) {
    let [a, b, c, d] = words;
    for _ in 0..10 {
        for (((a, b), c), d) in a.iter_mut().zip(b.iter_mut()).zip(c.iter_mut()).zip(d.iter_mut()) {
            let (first, second) = (u64::from(*a) * 0xd251_1f53, u64::from(*c) * 0xcd9e_8d57);
            *a = (second >> 32) as u32 ^ *b ^ key[0];
            *b = second as u32;
            *c = (first >> 32) as u32 ^ *d ^ key[1];
            *d = first as u32;
        }
        key[0] = key[0].wrapping_add(0x9e37_79b9);
        key[1] = key[1].wrapping_add(0xbb67_ae85);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;

    #[test]
    fn philox_gives_the_published_numbers() {
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            let mut words = counter.map(|word| [word]);
            philox(&mut words, key);
            assert_eq!(words.map(|word| word[0]), expected);
        }
    }

    #[test]
    fn any_part_of_a_stream_is_the_same_at_every_level() {
        let stream = Stream { seed: 0x1234_5678_9abc_def0, name: 42 };
        let mut whole = vec![0; 1000];
        draw(SimdLevel::PORTABLE, stream, 0, &mut whole);
        for level in SimdLevel::available() {
            for (start, count) in [(0, 1000), (1, 63), (63, 2), (64, 64), (500, 0), (777, 130)] {
                let mut part = vec![0; count];
                draw(level, stream, start as u64, &mut part);
                assert_eq!(part, whole[start..start + count], "{}, {start}", level.name());
                let mut kept = vec![7; count];
                draw_below(level, stream, start as u64, limit(0.3), &mut kept);
                assert!(kept.iter().zip(&part).all(|(kept, number)| (*kept == 1) == (*number < limit(0.3))));
            }
        }
        let mut far = vec![0; 70];
        draw(SimdLevel::best(), stream, (1 << 40) + 3, &mut far);
        assert_ne!(far[..64], whole[3..67]);
    }

    #[test]
    fn numbers_are_even_and_streams_apart() {
        let mut counts = Vec::new();
        for name in 0..50 {
            let mut kept = vec![0; 100_000];
            draw_below(SimdLevel::best(), Stream { seed: 0, name }, 0, limit(0.25), &mut kept);
            counts.push(kept.iter().map(|kept| u32::from(*kept)).sum::<u32>());
        }
        // Six standard deviations of a binomial count: sqrt(100000 · 0.25 · 0.75) = 137.
        assert!(counts.iter().all(|count| count.abs_diff(25_000) < 822), "{counts:?}");
        counts.dedup();
        assert!(counts.len() > 40);
        assert_eq!((limit(0.0), limit(0.5), limit(1.0)), (0, 1 << 31, u32::MAX));
    }
}
