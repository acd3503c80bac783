//! Dot products between all pairs of a set of vectors.

use super::simd_level::per_level;
use super::{BLOCK, Real};

/// The pairwise dot products of K vectors, in f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Gram {
    k: usize,
    /// The upper triangle, row by row.
    dots: Vec<f64>,
}

impl Gram {
    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.k
    }

    /// Whether there are no vectors.
    pub fn is_empty(&self) -> bool {
        self.k == 0
    }

    /// The dot product of vectors `i` and `j`.
    pub fn dot(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.min(j), i.max(j));
        self.dots[i * self.k - i * (i + 1) / 2 + j]
    }

    /// The Euclidean norm of vector `i`.
    pub fn norm(&self, i: usize) -> f64 {
        self.dot(i, i).sqrt()
    }

    /// The cosine of the angle between vectors `i` and `j`; NaN when one of them is zero.
    pub fn cosine(&self, i: usize, j: usize) -> f64 {
        self.dot(i, j) / (self.norm(i) * self.norm(j))
    }

    /// The squared norm of `Σ cᵢ·vᵢ`, not below zero.
    pub fn quadratic(&self, coefficients: &[f64]) -> f64 {
        let mut sum = 0.0;
        for (i, c) in coefficients.iter().enumerate() {
            let row: f64 = coefficients.iter().enumerate().map(|(j, d)| d * self.dot(i, j)).sum();
            sum += c * row;
        }
        sum.max(0.0)
    }

    /// The Gram matrix of some of the vectors, each divided by its norm.
    #[must_use]
    pub fn units(&self, which: &[usize]) -> Self {
        let mut dots = Vec::with_capacity(pairs(which.len()));
        for (at, i) in which.iter().enumerate() {
            for j in &which[at..] {
                dots.push(if i == j { 1.0 } else { self.cosine(*i, *j) });
            }
        }
        Self { k: which.len(), dots }
    }
}

/// Accumulates the dot products of consecutive blocks in the order given.
#[derive(Clone, Debug)]
pub struct GramSum {
    k: usize,
    dots: Vec<f64>,
}

impl GramSum {
    /// An empty sum for `k` vectors.
    pub fn new(k: usize) -> Self {
        Self { k, dots: vec![0.0; pairs(k)] }
    }

    /// Adds the output of [`dots`] for one or more consecutive blocks.
    pub fn add(&mut self, blocks: &[f64]) {
        if self.dots.is_empty() {
            return;
        }
        for block in blocks.chunks_exact(self.dots.len()) {
            for (sum, dot) in self.dots.iter_mut().zip(block) {
                *sum += dot;
            }
        }
    }

    /// The sum.
    pub fn finish(self) -> Gram {
        Gram { k: self.k, dots: self.dots }
    }
}

fn pairs(k: usize) -> usize {
    k * (k + 1) / 2
}

/// Number of partial sums in a block.
const LANES: usize = 16;

per_level! {
    /// Computes the dot products of all pairs of `inputs` (minus `base`, if given). For each block of [`BLOCK`] elements
    /// the upper triangle is appended to `out`, row by row.
    pub fn dots<T: Real>(base: Option<&[T]>, inputs: &[&[T]], out: &mut Vec<f64>) {
        let n = inputs.first().map_or(0, |x| x.len());
        for start in (0..n).step_by(BLOCK) {
            let end = (start + BLOCK).min(n);
            let base = base.map(|base| &base[start..end]);
            for (i, x) in inputs.iter().enumerate() {
                for y in &inputs[i..] {
                    out.push(match base {
                        None => dot(&x[start..end], &y[start..end]),
                        Some(base) => dot_of_differences(base, &x[start..end], &y[start..end]),
                    });
                }
            }
        }
    }
}

per_level! {
    /// Adds to `sums` the dot products of the columns of all pairs of `inputs` (minus `base`, if given). The first element
    /// belongs to column `column` of `width`. `sums` has `width` numbers for each pair, in the order of [`dots`].
    pub fn column_dots<T: Real>(
        base: Option<&[T]>, inputs: &[&[T]], width: usize, column: usize, sums: &mut [f64],
    ) {
        let mut pairs = sums.chunks_mut(width);
        for (i, x) in inputs.iter().enumerate() {
            for y in &inputs[i..] {
                let Some(sums) = pairs.next() else { return };
                let sums = &mut sums[column..column + x.len()];
                match base {
                    None => {
                        for ((sum, x), y) in sums.iter_mut().zip(*x).zip(*y) {
                            *sum += x.double() * y.double();
                        }
                    }
                    Some(base) => {
                        for (((sum, x), y), base) in sums.iter_mut().zip(*x).zip(*y).zip(base) {
                            *sum += (*x - *base).double() * (*y - *base).double();
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn dot<T: Real>(x: &[T], y: &[T]) -> f64 {
    let mut lanes = [0f64; LANES];
    let (xs, x_rest) = x.as_chunks::<LANES>();
    let (ys, y_rest) = y.as_chunks::<LANES>();
    for (x, y) in xs.iter().zip(ys) {
        for lane in 0..LANES {
            lanes[lane] += x[lane].double() * y[lane].double();
        }
    }
    for (lane, (x, y)) in x_rest.iter().zip(y_rest).enumerate() {
        lanes[lane] += x.double() * y.double();
    }
    sum(lanes)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn dot_of_differences<T: Real>(base: &[T], x: &[T], y: &[T]) -> f64 {
    let mut lanes = [0f64; LANES];
    let (bases, base_rest) = base.as_chunks::<LANES>();
    let (xs, x_rest) = x.as_chunks::<LANES>();
    let (ys, y_rest) = y.as_chunks::<LANES>();
    for ((base, x), y) in bases.iter().zip(xs).zip(ys) {
        for lane in 0..LANES {
            lanes[lane] += (x[lane] - base[lane]).double() * (y[lane] - base[lane]).double();
        }
    }
    for (lane, ((base, x), y)) in base_rest.iter().zip(x_rest).zip(y_rest).enumerate() {
        lanes[lane] += (*x - *base).double() * (*y - *base).double();
    }
    sum(lanes)
}

/// Sums the lanes as a fixed tree, so that the order of additions is the same at every SIMD level.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
pub(super) fn sum(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::SimdLevel;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn dot_products_agree_with_a_naive_version_and_between_levels(
            n in prop_oneof![0usize..100, BLOCK - 20..BLOCK + 20, 2 * BLOCK + 1..2 * BLOCK + 9], seed: u32, around: bool,
        ) {
            let value = |i: usize, k: u32| ((i as u32 ^ seed).wrapping_mul(0x9e37_79b1 ^ k) >> 8) as f32 / 16_777_216.0 - 0.5;
            let vectors: Vec<Vec<f32>> = (0..4).map(|k| (0..n).map(|i| value(i, k)).collect()).collect();
            let base = around.then_some(vectors[3].as_slice());
            let inputs: Vec<&[f32]> = vectors[..3].iter().map(Vec::as_slice).collect();
            let run = |level| {
                let mut blocks = Vec::new();
                dots(level, base, &inputs, &mut blocks);
                let mut sum = GramSum::new(3);
                sum.add(&blocks);
                sum.finish()
            };
            let gram = run(SimdLevel::PORTABLE);
            for i in 0..3 {
                for j in 0..3 {
                    let naive: f64 = (0..n).map(|e| {
                        let b = base.map_or(0.0, |b| b[e]);
                        f64::from(inputs[i][e] - b) * f64::from(inputs[j][e] - b)
                    }).sum();
                    prop_assert!((gram.dot(i, j) - naive).abs() < 1e-9 * n.max(1) as f64);
                }
            }
            for level in SimdLevel::available() {
                prop_assert_eq!(run(level), gram.clone());
            }
            // Each element a column of its own: the products themselves.
            for level in SimdLevel::available() {
                let mut products = vec![0.0; 6 * (n + 3)];
                column_dots(level, base, &inputs, n + 3, 3, &mut products);
                let of = |i: usize, e: usize| f64::from(inputs[i][e] - base.map_or(0.0, |b| b[e]));
                let pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)];
                for (pair, products) in pairs.into_iter().zip(products.chunks(n + 3)) {
                    prop_assert_eq!(&products[..3], &[0.0; 3]);
                    prop_assert!((0..n).all(|e| products[e + 3].to_bits() == (0.0 + of(pair.0, e) * of(pair.1, e)).to_bits()));
                }
            }
            let coefficients = [0.5, -2.0, 0.25];
            let naive: f64 = (0..n).map(|e| {
                let sum: f64 = (0..3).map(|i| coefficients[i] * f64::from(inputs[i][e] - base.map_or(0.0, |b| b[e]))).sum();
                sum * sum
            }).sum();
            prop_assert!((gram.quadratic(&coefficients) - naive).abs() < 1e-8 * n.max(1) as f64);
        }
    }
}
