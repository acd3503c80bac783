//! Tests of [`super`].

use proptest::prelude::*;

use super::*;
use crate::kernel::{Activation, Matrix, Threads};

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    (0..count as u32).map(|i| ((i ^ seed).wrapping_mul(0x9e37_79b1) >> 8) as f32 / 16_777_216.0 - 0.5).collect()
}

fn rounded(x: f32) -> f64 {
    f64::from(half::bf16::from_f32(x).to_f32())
}

/// Sums of products in float64, and the sums of their magnitudes.
fn reference(rows: &[f32], weights: &[f32], inputs: usize, number: fn(f32) -> f64) -> Vec<(f64, f64)> {
    let sums = |row: &[f32], weights: &[f32]| {
        let products = row.iter().zip(weights).map(|(x, w)| number(*x) * number(*w));
        products.fold((0.0, 0.0), |(sum, size), product| (sum + product, size + f64::abs(product)))
    };
    rows.chunks_exact(inputs).flat_map(|row| weights.chunks_exact(inputs).map(move |w| sums(row, w))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_are_sums_of_products(
        count in 1usize..80, inputs in 1usize..150, outputs in 1usize..100, seed: u32, biased: bool, all: bool,
    ) {
        let rows = numbers(count * inputs, seed);
        let weights = numbers(outputs * inputs, seed ^ 0x5555);
        let bias = if biased { numbers(outputs, seed ^ 0xaaaa) } else { Vec::new() };
        let threads = if all { Threads::All } else { Threads::One };
        for level in TileLevel::available() {
            for parts in [Parts::One, Parts::Two] {
                let packed = PackedWeights::new(level, &weights, &bias, inputs, parts);
                // One part is exact for numbers that are rounded, but for the order of sums.
                let (number, error): (fn(f32) -> f64, _) = match parts {
                    Parts::One => (rounded, 1e-6),
                    // What is left, rounded, of both factors, and its product, are 2⁻¹⁶ each at most.
                    Parts::Two => (f64::from, 5e-5),
                };
                let mut out = vec![f32::NAN; count * outputs];
                multiply_packed(&rows, &packed, Finish::Activated(Activation::Relu), &mut out, threads);
                for (at, ((sum, size), x)) in reference(&rows, &weights, inputs, number).into_iter().zip(&out).enumerate() {
                    let bias = bias.get(at % outputs).map_or(0.0, |b| f64::from(*b));
                    let expected = (sum + bias).max(0.0);
                    prop_assert!((f64::from(*x) - expected).abs() <= error * (size + bias.abs()).max(1e-3), "{level:?} {parts:?} {at}");
                }
                // A row gives the same bits alone.
                let last = count - 1;
                let mut alone = vec![f32::NAN; outputs];
                let finish = Finish::Activated(Activation::Relu);
                multiply_packed(&rows[last * inputs..], &packed, finish, &mut alone, Threads::One);
                prop_assert!(alone.iter().zip(&out[last * outputs..]).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }

    #[test]
    fn matrices_follow_their_strides(
        rows in 1usize..70, columns in 1usize..80, depth in 1usize..100, gap in 0usize..5, seed: u32, transposed: bool,
    ) {
        let left = numbers(rows * (depth + gap), seed);
        let right = numbers((columns + gap).max(depth + gap) * columns.max(depth), seed ^ 9);
        let right = if transposed {
            Matrix { values: &right, rows: columns, columns: depth, row_stride: depth + gap, column_stride: 1 }.transposed()
        } else {
            Matrix { values: &right, rows: depth, columns, row_stride: columns + gap, column_stride: 1 }
        };
        let left = Matrix { values: &left, rows, columns: depth, row_stride: depth + gap, column_stride: 1 };
        let at = |m: &Matrix<'_>, i: usize, j: usize| m.values[i * m.row_stride + j * m.column_stride];
        let stride = columns + gap;
        for level in TileLevel::available() {
            for (parts, number, error) in
                [(Parts::One, rounded as fn(f32) -> f64, 1e-6), (Parts::Two, f64::from as fn(f32) -> f64, 5e-5)]
            {
                let mut out = vec![7.0f32; rows * stride];
                multiply_tiles((level, parts), &mut out, stride, left, right, 0.5);
                for (i, out) in out.chunks_exact(stride).enumerate() {
                    for (j, x) in out[..columns].iter().enumerate() {
                        let products = (0..depth).map(|k| 0.5 * number(at(&left, i, k)) * number(at(&right, k, j)));
                        let (sum, size) = products.fold((0.0, 0.0), |(s, n), p| (s + p, n + f64::abs(p)));
                        prop_assert!((f64::from(*x) - sum).abs() <= error * size.max(1e-3), "{level:?} {parts:?}");
                    }
                    // What lies between rows stays.
                    prop_assert!(out[columns..].iter().all(|x| x.to_bits() == 7f32.to_bits()));
                }
            }
        }
    }

    #[test]
    fn both_layers_at_once_give_what_they_give_apart(
        count in 1usize..80, width in 1usize..70, squares in 1usize..4, odd in 0usize..32, seed: u32, gated: bool,
    ) {
        let inner = if gated { squares * 32 } else { squares * 32 - odd };
        let rows = numbers(count * width, seed);
        let outputs = if gated { 2 * inner } else { inner };
        let up = numbers(outputs * width, seed ^ 1);
        let (bias, down) = (numbers(outputs, seed ^ 2), numbers(width * inner, seed ^ 3));
        for level in TileLevel::available() {
            for parts in [Parts::One, Parts::Two] {
                let up = PackedWeights::new(level, &up, &bias, width, parts);
                let down = PackedWeights::new(level, &down, &[], inner, parts);
                let mut expected = vec![0.0; count * width];
                let mut made = vec![0.0; count * outputs];
                let activation = Activation::Gelu;
                if gated {
                    multiply_packed(&rows, &up, Finish::Plain, &mut made, Threads::One);
                    let mut out = vec![0.0; count * inner];
                    crate::kernel::gate(crate::kernel::SimdLevel::best(), &mut out, &made, &bias, activation);
                    made = out;
                } else {
                    multiply_packed(&rows, &up, Finish::Activated(activation), &mut made, Threads::One);
                }
                multiply_packed(&made, &down, Finish::Plain, &mut expected, Threads::One);
                let mut out = vec![f32::NAN; count * width];
                let layers = FeedForward { up: &up, down: &down, activation, gated };
                prop_assert!(feed_forward(&rows, layers, &mut out, Threads::All).is_some());
                prop_assert!(out.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{level:?} {parts:?}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_is_found() {
    for level in TileLevel::available() {
        for (parts, bad) in [Parts::One, Parts::Two].into_iter().flat_map(|p| [(p, f32::NAN), (p, f32::INFINITY)]) {
            let mut rows = vec![0.5; 3 * 40];
            rows[40 + 7] = bad;
            let packed = PackedWeights::new(level, &[0.25; 5 * 40], &[], 40, parts);
            let mut out = vec![0.0; 3 * 5];
            multiply_packed(&rows, &packed, Finish::Plain, &mut out, Threads::One);
            assert!(out[5..10].iter().all(|x| !x.is_finite()), "{level:?} {parts:?} {bad}");
            assert!(out[..5].iter().chain(&out[10..]).all(|x| x.is_finite()));
        }
    }
}
