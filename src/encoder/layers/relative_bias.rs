//! A bias by the distance between two tokens: from a table, as `mpnet` and T5 have it, or in proportion to the distance (`ALiBi`),
//! as jina-embeddings-v2 has it.

use std::sync::{Arc, Mutex, PoisonError};

/// Biases are spread for at least so many tokens.
const LEAST: usize = 128;

/// The bias of every head for every bucket of distances, and for the distances of the longest text so far.
#[derive(Debug)]
pub(in crate::encoder) struct RelativeBias {
    values: Values,
    heads: usize,
    spread: Mutex<Arc<Spread>>,
}

/// Where the biases come from.
#[derive(Debug)]
enum Values {
    Table {
        /// A row for each bucket, one number a head in each.
        buckets: Vec<f32>,
        /// The smallest distance of each bucket in one direction, but for the first.
        edges: Vec<usize>,
    },
    /// For each head the bias of two neighbours.
    Slopes(Vec<f32>),
}

/// The bias of every head for every distance up to some length.
#[derive(Debug, Default)]
pub(in crate::encoder) struct Spread {
    longest: usize,
    /// For each head `2 · longest − 1` numbers, for distances from `1 − longest` on.
    values: Vec<f32>,
}

impl RelativeBias {
    /// Takes a table of as many rows as there are buckets, half of them for each direction. From the distance `farthest` on
    /// all share one.
    pub(in crate::encoder) fn new(buckets: Vec<f32>, heads: usize, farthest: usize) -> Self {
        let edges = edges(buckets.len() / heads.max(1) / 2, farthest);
        Self { values: Values::Table { buckets, edges }, heads, spread: Mutex::default() }
    }

    /// Biases in proportion to the distance in either direction. The slopes of heads fall by a constant factor to 1/256; where
    /// their number is no power of two, the rest have slopes between the first ones.
    pub(in crate::encoder) fn linear(heads: usize) -> Self {
        let slope = |head: usize, of: usize| -libm::exp2(-8.0 * (head + 1) as f64 / of as f64) as f32;
        let whole = if heads.is_power_of_two() { heads } else { heads.next_power_of_two() / 2 };
        let first = (0..whole).map(|head| slope(head, whole));
        let rest = (0..heads - whole).map(|head| slope(2 * head, 2 * whole));
        Self { values: Values::Slopes(first.chain(rest).collect()), heads, spread: Mutex::default() }
    }

    /// The biases of texts of up to `length` tokens, or more.
    pub(in crate::encoder) fn spread(&self, length: usize) -> Arc<Spread> {
        let mut spread = self.spread.lock().unwrap_or_else(PoisonError::into_inner);
        if spread.longest < length {
            let longest = length.max(LEAST).next_power_of_two();
            let width = 2 * longest - 1;
            let mut values = Vec::with_capacity(width * self.heads);
            for head in 0..self.heads {
                values.extend((0..width).map(|at| self.value(head, at, longest)));
            }
            *spread = Arc::new(Spread { longest, values });
        }
        Arc::clone(&spread)
    }

    /// The bias of the distance `at − (longest − 1)` from query to key.
    fn value(&self, head: usize, at: usize, longest: usize) -> f32 {
        let distance = at.abs_diff(longest - 1);
        match &self.values {
            Values::Table { buckets, edges } => {
                let bucket = edges.partition_point(|edge| *edge <= distance);
                let bucket = if at >= longest { bucket + edges.len() + 1 } else { bucket };
                buckets.get(bucket * self.heads + head).copied().unwrap_or(0.0)
            }
            Values::Slopes(slopes) => slopes.get(head).copied().unwrap_or(0.0) * distance as f32,
        }
    }
}

impl Spread {
    /// The biases of query `row` of `head` towards keys `0..length`.
    pub(in crate::encoder) fn row(&self, head: usize, row: usize, length: usize) -> &[f32] {
        let width = (2 * self.longest).saturating_sub(1);
        let start = head * width + self.longest - 1 - row;
        &self.values[start..start + length]
    }
}

/// The smallest distance of each of `count` buckets, but for the first. The first half have one distance each, the others grow
/// by a constant factor up to `farthest`; in float32, as torch computes them.
#[expect(clippy::cast_sign_loss, reason = "logarithms of distances beyond the exact ones are positive")]
fn edges(count: usize, farthest: usize) -> Vec<usize> {
    let exact = count / 2;
    let grown = libm::log(farthest as f64 / exact.max(1) as f64) as f32;
    let bucket = |distance: usize| {
        let large = libm::logf(distance as f32 / exact as f32) / grown * (count - exact) as f32;
        exact + large as usize
    };
    let mut edges: Vec<usize> = (1..=exact).collect();
    let mut distance = exact;
    while edges.len() + 1 < count && distance < farthest {
        distance += 1;
        while edges.len() + 1 < count && edges.len() < bucket(distance) {
            edges.push(distance);
        }
    }
    edges.truncate(count.saturating_sub(1));
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_the_distance() {
        // Where torch's `8 + 8·ln(distance / 8) / ln(16)`, rounded down, takes its next value.
        assert_eq!(edges(16, 128), [1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]);
    }

    #[test]
    fn slopes_fall_to_a_256th_and_fill_the_gaps() {
        let spread = RelativeBias::linear(8).spread(4);
        for (head, slope) in [(0, -0.5_f32), (1, -0.25), (7, -1.0 / 256.0)] {
            assert_eq!(spread.row(head, 0, 2)[1].to_bits(), slope.to_bits(), "{head}");
        }
        // As the paper's code gives them for 12 heads: those of 8, then every other one of 16.
        let spread = RelativeBias::linear(12).spread(4);
        let expected = [-0.5, -1.0 / 256.0, -std::f32::consts::FRAC_1_SQRT_2, -0.353_553_39];
        for (head, expected) in [0, 7, 8, 9].into_iter().zip(expected) {
            assert!((spread.row(head, 0, 2)[1] - expected).abs() < 1e-7, "{head}");
            assert_eq!(spread.row(head, 3, 4)[0].to_bits(), (3.0 * spread.row(head, 0, 2)[1]).to_bits());
        }
    }

    #[test]
    fn a_row_starts_with_the_distance_to_the_first_key() {
        let bias = RelativeBias::new((0..64).map(|i| i as f32).collect(), 2, 128);
        let spread = bias.spread(4);
        assert_eq!(spread.row(0, 0, 3), [0.0, 34.0, 36.0]);
        assert_eq!(spread.row(1, 2, 3), [5.0, 3.0, 1.0]);
        let far = bias.spread(400);
        assert_eq!((far.row(0, 0, 400)[399], far.row(0, 399, 400)[0]), (62.0, 30.0));
        assert_eq!((far.row(0, 0, 400)[16], far.row(0, 15, 400)[0]), (52.0, 18.0));
    }
}
