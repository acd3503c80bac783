//! Operations on rows of numbers on the CPU, on the caller's thread or on all threads.

use rayon::prelude::*;

use super::super::layers::norm::CpuNorm;
use crate::kernel::{self, SimdLevel, Threads};

/// Number of values that a thread takes at a time: enough to be worth it, few enough to stay in its cache.
const SHARE: usize = 16 * 1024;

/// Applies `f` to runs of whole rows of `width` numbers.
pub(super) fn for_rows(values: &mut [f32], width: usize, threads: Threads, f: impl Fn(&mut [f32]) + Sync + Send) {
    match threads {
        Threads::One => f(values),
        Threads::All => values.par_chunks_mut(share(width)).for_each(f),
    }
}

/// Applies `f` to runs of whole rows and the same number of rows of `other`.
pub(super) fn for_paired_rows<T: Sync>(
    (values, width): (&mut [f32], usize),
    (other, other_width): (&[T], usize),
    threads: Threads,
    f: impl Fn(&mut [f32], &[T]) + Sync + Send,
) {
    match threads {
        Threads::One => f(values, other),
        Threads::All => {
            let share = share(width);
            let others = other.par_chunks(share / width * other_width);
            values.par_chunks_mut(share).zip(others).for_each(|(rows, other)| f(rows, other));
        }
    }
}

/// Normalises every row.
pub(in crate::encoder) fn normalise(values: &mut [f32], norm: CpuNorm<'_>, threads: Threads) {
    let CpuNorm { weight, shift, epsilon, kind } = norm;
    for_rows(values, weight.len(), threads, |rows| kernel::norm(SimdLevel::best(), rows, weight, shift, epsilon, kind));
}

/// The first `count` numbers of a buffer, which grows if it is shorter. Their values are arbitrary.
pub(super) fn resized(buffer: &mut Vec<f32>, count: usize) -> &mut [f32] {
    if buffer.len() < count {
        buffer.resize(count, 0.0);
    }
    &mut buffer[..count]
}

/// The number of rows that have about [`SHARE`] numbers.
fn share(width: usize) -> usize {
    (SHARE / width.max(1)).max(1) * width.max(1)
}
