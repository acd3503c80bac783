//! Tests of [`super`].

use super::*;
use crate::kernel::SimdLevel;

fn apply(level: SimdLevel, values: &[f32], activation: Activation) -> Vec<f32> {
    let mut out = values.to_vec();
    bias_activation(level, &mut out, &vec![0.0; values.len()], activation);
    out
}

fn line() -> Vec<f32> {
    (-30_000..=30_000).map(|i| i as f32 / 2000.0).collect()
}

#[test]
fn activations_are_exact_to_single_precision() {
    type Reference = fn(f64) -> f64;
    let sigmoid: Reference = |x| 1.0 / (1.0 + libm::exp(-x));
    let cases: [(Activation, Reference); 7] = [
        (Activation::Gelu, |x| 0.5 * x * libm::erfc(-x / std::f64::consts::SQRT_2)),
        (Activation::GeluTanh, |x| {
            0.5 * x * (1.0 + libm::tanh((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)))
        }),
        (Activation::Tanh, libm::tanh),
        (Activation::Sigmoid, sigmoid),
        (Activation::Silu, |x| x / (1.0 + libm::exp(-x))),
        (Activation::Relu, |x| x.max(0.0)),
        (Activation::Identity, |x| x),
    ];
    for ((activation, reference), level) in
        cases.into_iter().flat_map(|case| SimdLevel::available().into_iter().map(move |level| (case, level)))
    {
        for (x, y) in line().into_iter().zip(apply(level, &line(), activation)) {
            let expected = reference(f64::from(x));
            let error = (f64::from(y) - expected).abs();
            assert!(
                error <= 3e-7 * expected.abs().max(1.0),
                "{activation:?}({x}) = {y}, expected {expected}, {level:?}"
            );
        }
    }
}

#[test]
fn squares_are_finished_as_rows_are() {
    let mut rows = [[0.0f32; 32]; 32];
    rows.as_flattened_mut().iter_mut().enumerate().for_each(|(i, x)| *x = i as f32 / 64.0 - 8.0);
    let bias: Vec<f32> = (0..32).map(|i| i as f32 / 100.0 - 0.1).collect();
    let far = [-1e30, -40.0, 40.0, 1e30, f32::NAN, f32::INFINITY];
    rows[3][..far.len()].copy_from_slice(&far);
    for level in SimdLevel::available() {
        for activation in [Activation::Gelu, Activation::Silu, Activation::Relu, Activation::Identity] {
            let (mut expected, mut exact, mut rough) = (rows, rows, rows);
            bias_activation(level, expected.as_flattened_mut(), &bias, activation);
            finish_columns(level, exact.as_flattened_mut(), 32, &bias, activation, false);
            finish_columns(level, rough.as_flattened_mut(), 32, &bias, activation, true);
            let all = expected.as_flattened().iter().zip(exact.as_flattened()).zip(rough.as_flattened());
            for ((expected, exact), rough) in all {
                assert!(exact.to_bits() == expected.to_bits() || expected.is_nan() && exact.is_nan(), "{activation:?}");
                let near = (rough - expected).abs() <= 1e-4 + 1e-6 * expected.abs();
                assert!(near || !expected.is_finite() && !rough.is_finite(), "{activation:?}: {rough}, not {expected}");
            }
        }
    }
}

#[test]
fn nothing_hides_nan_or_infinity() {
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu, Activation::Tanh] {
        assert!(apply(SimdLevel::best(), &[f32::NAN; 40], activation).iter().all(|x| x.is_nan()), "{activation:?}");
    }
    for (at, bad) in [(37, f32::NAN), (0, f32::NAN), (3, f32::INFINITY)] {
        let (mut row, mut scale) = ([1.0; 48], [0.0]);
        row[at] = bad;
        exponentials(SimdLevel::best(), &mut row, 40, &mut scale);
        assert!(scale[0].is_nan());
    }
}

#[test]
fn a_softmax_of_far_scores_is_finite() {
    let mut scores = vec![-3e38, 3e38, 3e38, -60.0];
    scores.resize(16, f32::NAN);
    let mut scales = [0.0];
    exponentials(SimdLevel::best(), &mut scores, 4, &mut scales);
    assert!((scores[1] * scales[0] - 0.5).abs() < 1e-6 && scores[0] * scales[0] < 1e-30);
}

#[test]
fn a_softmax_is_exact_at_every_width_and_level() {
    for width in (1..=70).chain([156, 512]) {
        let stride = row_of_lanes(width);
        let rows = |between: f32| -> Vec<f32> {
            let at = |i: usize| if i % stride < width { (i * 37 % 101) as f32 / 10.0 - 4.0 } else { between };
            (0..3 * stride).map(at).collect()
        };
        for level in SimdLevel::available() {
            let (mut scores, mut scales) = (rows(f32::NAN), [0.0; 3]);
            exponentials(level, &mut scores, width, &mut scales);
            for (row, (given, found)) in rows(0.0).chunks(stride).zip(scores.chunks(stride)).enumerate() {
                let powers: Vec<f64> = given[..width].iter().map(|x| libm::exp(f64::from(*x))).collect();
                let sum: f64 = powers.iter().sum();
                for (power, found) in powers.iter().zip(found) {
                    let found = f64::from(found * scales[row]);
                    assert!((found - power / sum).abs() < 1e-6 * (power / sum), "width {width}, {level:?}");
                }
            }
        }
    }
}

#[test]
fn rows_are_normalised() {
    let mut rows: Vec<f32> = (0..34).map(|i| i as f32).collect();
    let zeros = vec![0.0; 34];
    add_norm(SimdLevel::best(), &mut rows, &zeros, &zeros[..17], &[2.0; 17], &[1.0; 17], 0.0, NormKind::Layer);
    // The standard deviation of 0..17 is √24.
    for (index, x) in rows.iter().enumerate() {
        let expected = ((index % 17) as f32 - 8.0) / 24f32.sqrt() * 2.0 + 1.0;
        assert!((x - expected).abs() < 1e-5);
    }
}

#[test]
fn rows_are_divided_by_their_root_mean_square() {
    let mut rows: Vec<f32> = (1..=34).map(|i| i as f32).collect();
    norm(SimdLevel::best(), &mut rows, &[2.0; 17], &[], 0.5, NormKind::Rms);
    let scale = |numbers: std::ops::RangeInclusive<i16>| {
        let squares: f32 = numbers.map(|i| f32::from(i * i)).sum();
        2.0 / (squares / 17.0 + 0.5).sqrt()
    };
    for (index, x) in rows.iter().enumerate() {
        let scale = if index < 17 { scale(1..=17) } else { scale(18..=34) };
        assert!((x - (index + 1) as f32 * scale).abs() < 1e-5);
    }
}

#[test]
fn a_gate_lets_its_share_through() {
    let rows = [0.0, -1.0, 5.0, 6.0, 1.0, 2.0, 7.0, 8.0];
    let mut out = [0.0; 4];
    gate(SimdLevel::best(), &mut out, &rows, &[0.0, 0.0, 0.0, 1.0], Activation::Relu);
    assert!(out.iter().zip([0.0, 0.0, 7.0, 18.0]).all(|(x, y): (&f32, f32)| (x - y).abs() < 1e-6), "{out:?}");
}

#[test]
fn pairs_are_turned() {
    let (cosine, sine) = (0.6, 0.8);
    let mut rows = [1.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    rotate(SimdLevel::best(), &mut rows, &[cosine, 1.0], &[sine, 0.0]);
    let expected = [0.6, 0.0, 0.8, 1.0, 1.2 - 3.2, 3.0, 2.4 + 1.6, 5.0];
    assert!(rows.iter().zip(expected).all(|(x, y): (&f32, f32)| (x - y).abs() < 1e-6), "{rows:?}");
}
