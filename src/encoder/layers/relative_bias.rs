//! The relative attention bias of `mpnet`, which depends on the distance between two tokens.

/// The distances at which each further bucket starts, after the first eight distances, which each have their own.
///
/// At these distances `8 + 8·ln(distance / 8) / ln(16)`, rounded down, reaches its next value.
const EDGES: [usize; 7] = [12, 16, 23, 32, 46, 64, 91];
/// Number of distances with a bucket of their own.
const EXACT: usize = 8;
/// Number of buckets in each direction.
const HALF: usize = 16;
/// Number of buckets in both directions.
pub(in crate::encoder) const BUCKETS: usize = 2 * HALF;

/// The bias of every head for every distance.
#[derive(Debug)]
pub(in crate::encoder) struct RelativeBias {
    /// The longest input.
    longest: usize,
    /// For each head `2 · longest − 1` numbers, for distances from `1 − longest` on.
    values: Vec<f32>,
}

impl RelativeBias {
    /// Expands a table of [`BUCKETS`] rows, with one number for each head, to all distances.
    pub(in crate::encoder) fn new(table: &[f32], heads: usize, longest: usize) -> Self {
        let width = (2 * longest).saturating_sub(1);
        let mut values = Vec::with_capacity(width * heads);
        for head in 0..heads {
            values.extend((0..width).map(|at| table.get(bucket(at, longest) * heads + head).copied().unwrap_or(0.0)));
        }
        Self { longest, values }
    }

    /// The biases of query `row` of `head` towards keys `0..length`.
    pub(in crate::encoder) fn row(&self, head: usize, row: usize, length: usize) -> &[f32] {
        let width = (2 * self.longest).saturating_sub(1);
        let start = head * width + self.longest - 1 - row;
        &self.values[start..start + length]
    }
}

/// The bucket of the distance `at − (longest − 1)` from query to key.
fn bucket(at: usize, longest: usize) -> usize {
    let ahead = at > longest - 1;
    let distance = at.abs_diff(longest - 1);
    let bucket =
        if distance < EXACT { distance } else { EXACT + EDGES.iter().filter(|edge| distance >= **edge).count() };
    if ahead { HALF + bucket } else { bucket }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_grow_with_the_distance_and_tell_the_directions_apart() {
        let longest = 200;
        let of = |distance: isize| bucket((distance + 199).cast_unsigned(), longest);
        assert_eq!(
            [of(0), of(1), of(7), of(8), of(11), of(12), of(90), of(91), of(199)],
            [0, 17, 23, 24, 24, 25, 30, 31, 31]
        );
        assert_eq!([of(-1), of(-8), of(-16), of(-128)], [1, 8, 10, 15]);
    }

    #[test]
    fn a_row_starts_with_the_distance_to_the_first_key() {
        let table: Vec<f32> = (0..BUCKETS * 2).map(|i| i as f32).collect();
        let bias = RelativeBias::new(&table, 2, 4);
        assert_eq!(bias.row(0, 0, 3), [0.0, 34.0, 36.0]);
        assert_eq!(bias.row(1, 2, 3), [5.0, 3.0, 1.0]);
    }
}
