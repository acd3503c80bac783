//! Searches a sequence that fills the space evenly.
//!
//! Sobol's sequence with the direction numbers of Joe and Kuo (new-joe-kuo-6), in Gray code order, shifted by random bits.

use crate::eval::draw;
use crate::sweep::file::{SOBOL_DIMENSIONS, Spec};

/// The default number of points.
const POINTS: usize = 32;

const BITS: usize = 32;

/// Degree, coefficients and first direction numbers of each dimension after the first.
const TABLE: [(u32, u32, &[u32]); SOBOL_DIMENSIONS - 1] = [
    (1, 0, &[1]),
    (2, 1, &[1, 3]),
    (3, 1, &[1, 3, 1]),
    (3, 2, &[1, 1, 1]),
    (4, 1, &[1, 1, 3, 3]),
    (4, 4, &[1, 3, 5, 13]),
    (5, 2, &[1, 1, 5, 5, 17]),
    (5, 4, &[1, 1, 5, 5, 5]),
    (5, 7, &[1, 1, 7, 11, 19]),
    (5, 11, &[1, 1, 5, 1, 1]),
    (5, 13, &[1, 1, 1, 3, 11]),
    (5, 14, &[1, 3, 5, 5, 31]),
    (6, 1, &[1, 3, 3, 9, 7, 49]),
    (6, 13, &[1, 1, 1, 15, 21, 21]),
    (6, 16, &[1, 3, 1, 13, 27, 49]),
];

/// The points of the sequence in the space.
pub(super) fn points(spec: &Spec) -> Vec<Vec<f64>> {
    let count = spec.budget.trials.unwrap_or(POINTS);
    unit_points(spec.params.dimensions(), count, Some(spec.search.seed))
        .iter()
        .map(|unit| spec.params.place(unit))
        .collect()
}

/// The first points of the sequence, each number at least 0 and below 1; shifted where there is a seed.
pub(super) fn unit_points(dimensions: usize, count: usize, seed: Option<u64>) -> Vec<Vec<f64>> {
    let directions: Vec<[u32; BITS]> = (0..dimensions.min(SOBOL_DIMENSIONS)).map(directions).collect();
    let shift = |dimension: usize| seed.map_or(0, |seed| (draw(seed, dimension as u64) >> 32) as u32);
    let mut state: Vec<u32> = (0..directions.len()).map(shift).collect();
    let mut points = Vec::with_capacity(count);
    for index in 0..count as u32 {
        points.push(state.iter().map(|bits| f64::from(*bits) / 4_294_967_296.0).collect());
        let change = (!index).trailing_zeros() as usize;
        for (bits, directions) in state.iter_mut().zip(&directions) {
            *bits ^= directions.get(change).copied().unwrap_or_default();
        }
    }
    points
}

fn directions(dimension: usize) -> [u32; BITS] {
    let mut v = [0_u32; BITS];
    let Some((degree, coefficients, first)) = dimension.checked_sub(1).and_then(|row| TABLE.get(row)) else {
        for (bit, v) in v.iter_mut().enumerate() {
            *v = 1 << (31 - bit);
        }
        return v;
    };
    let degree = *degree as usize;
    for bit in 0..BITS {
        v[bit] = if bit < degree {
            first[bit] << (31 - bit)
        } else {
            let mut value = v[bit - degree] ^ (v[bit - degree] >> degree);
            for k in 1..degree {
                if (coefficients >> (degree - 1 - k)) & 1 == 1 {
                    value ^= v[bit - k];
                }
            }
            value
        };
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_is_evenly_filled() {
        // Of the first 2^k points each dimension has one in every 2^k-th part.
        for seed in [None, Some(7)] {
            let points = unit_points(SOBOL_DIMENSIONS, 64, seed);
            for dimension in 0..SOBOL_DIMENSIONS {
                let mut cells: Vec<i32> = points.iter().map(|point| (point[dimension] * 64.0) as i32).collect();
                cells.sort_unstable();
                assert_eq!(cells, (0..64).collect::<Vec<_>>(), "dimension {dimension}");
            }
        }
        let points = unit_points(2, 4, None);
        assert_eq!(points, [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]);
        assert_ne!(unit_points(2, 4, Some(1)), unit_points(2, 4, Some(2)));
    }
}
