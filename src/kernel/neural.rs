//! What an encoder computes between matrix products: bias, activation, normalisation, softmax.
//!
//! Loops are written so that the compiler vectorises them; e^x is computed here, so that it is the same everywhere.

use super::level::per_level;

/// Numbers that are reduced side by side.
const LANES: usize = 16;

/// A function applied to every number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x·Φ(x), with the error function.
    Gelu,
    /// Its approximation by a hyperbolic tangent.
    GeluTanh,
    /// max(x, 0).
    Relu,
    /// x·σ(x).
    Silu,
    /// The hyperbolic tangent.
    Tanh,
    /// σ(x) = 1 / (1 + e^−x).
    Sigmoid,
    /// x.
    Identity,
}

per_level! {
    /// Turns each row of `width` scores into `e^(score − largest)`, and writes one over each row's sum to `scales`.
    pub fn exponentials(scores: &mut [f32], width: usize, scales: &mut [f32]) {
        for (row, scale) in scores.chunks_exact_mut(width).zip(scales) {
            let largest = reduce(row, f32::NEG_INFINITY, |x| x, |most, x| if x > most { x } else { most });
            for x in &mut *row {
                *x = exp(*x - largest);
            }
            *scale = 1.0 / reduce(row, 0.0, |x| x, |sum, x| sum + x);
        }
    }
}

per_level! {
    /// Multiplies each row of `width` numbers by its scale; rows lie `stride` apart.
    pub fn scale_rows(rows: &mut [f32], width: usize, stride: usize, scales: &[f32]) {
        for (row, scale) in rows.chunks_mut(stride).zip(scales) {
            for x in row.iter_mut().take(width) {
                *x *= scale;
            }
        }
    }
}

per_level! {
    /// Adds `other` to `values`.
    pub fn add_to(values: &mut [f32], other: &[f32]) {
        for (x, y) in values.iter_mut().zip(other) {
            *x += y;
        }
    }
}

/// How a row is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// To mean 0 and variance 1.
    Layer,
    /// To mean square 1.
    Rms,
}

/// Evaluates an expression with `$function` bound to the function that an activation stands for.
macro_rules! with_function {
    ($activation:expr, $function:ident => $do:expr) => {
        match $activation {
            Activation::Identity => {
                let $function = |x: f32| x;
                $do
            }
            Activation::Gelu => {
                let $function = gelu;
                $do
            }
            Activation::GeluTanh => {
                let $function = gelu_tanh;
                $do
            }
            Activation::Relu => {
                let $function = |x: f32| if x < 0.0 { 0.0 } else { x };
                $do
            }
            Activation::Silu => {
                let $function = |x: f32| x * sigmoid(x);
                $do
            }
            Activation::Sigmoid => {
                let $function = sigmoid;
                $do
            }
            Activation::Tanh => {
                let $function = tanh;
                $do
            }
        }
    };
}

per_level! {
    /// Adds the bias to each row and applies the activation.
    pub fn bias_activation(rows: &mut [f32], bias: &[f32], activation: Activation) {
        for row in rows.chunks_exact_mut(bias.len()) {
            with_function!(activation, function => each(row, bias, function));
        }
    }
}

per_level! {
    /// Adds the bias to each row, and writes its first half, after the activation, times its second half to `out`.
    pub fn gate(out: &mut [f32], rows: &[f32], bias: &[f32], activation: Activation) {
        let width = bias.len() / 2;
        let (gate_bias, up_bias) = bias.split_at(width);
        for (out, row) in out.chunks_exact_mut(width).zip(rows.chunks_exact(2 * width)) {
            let (gate, up) = row.split_at(width);
            for ((o, g), b) in out.iter_mut().zip(gate).zip(gate_bias) {
                *o = *g + *b;
            }
            with_function!(activation, function => {
                for ((o, u), b) in out.iter_mut().zip(up).zip(up_bias) {
                    *o = function(*o) * (*u + *b);
                }
            });
        }
    }
}

per_level! {
    /// Adds `other` and `bias` to each row.
    pub fn add_biased(rows: &mut [f32], other: &[f32], bias: &[f32]) {
        let width = bias.len();
        for (row, other) in rows.chunks_exact_mut(width).zip(other.chunks_exact(width)) {
            for ((x, y), b) in row.iter_mut().zip(other).zip(bias) {
                *x += *y + *b;
            }
        }
    }
}

per_level! {
    /// Adds `other` and `bias` to each row and normalises the row, times `weight`, plus `shift`.
    pub fn add_norm(rows: &mut [f32], other: &[f32], bias: &[f32], weight: &[f32], shift: &[f32], epsilon: f32, kind: NormKind) {
        let width = weight.len();
        for (row, other) in rows.chunks_exact_mut(width).zip(other.chunks_exact(width)) {
            for ((x, y), b) in row.iter_mut().zip(other).zip(bias) {
                *x = *x + *b + *y;
            }
            normalise(row, weight, shift, epsilon, kind);
        }
    }
}

per_level! {
    /// Normalises each row, times `weight`, plus `shift`. Without a `shift` nothing is added.
    pub fn norm(rows: &mut [f32], weight: &[f32], shift: &[f32], epsilon: f32, kind: NormKind) {
        for row in rows.chunks_exact_mut(weight.len()) {
            normalise(row, weight, shift, epsilon, kind);
        }
    }
}

per_level! {
    /// Turns pairs of numbers in each row: number i of its first half and number i of its second by the angle whose cosine and
    /// sine are given. Rows are twice as wide as `cosines`.
    pub fn rotate(rows: &mut [f32], cosines: &[f32], sines: &[f32]) {
        let half = cosines.len();
        for row in rows.chunks_exact_mut(2 * half) {
            let (first, second) = row.split_at_mut(half);
            for (((x, y), c), s) in first.iter_mut().zip(second).zip(cosines).zip(sines) {
                (*x, *y) = (*x * *c - *y * *s, *y * *c + *x * *s);
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn normalise(row: &mut [f32], weight: &[f32], shift: &[f32], epsilon: f32, kind: NormKind) {
    let count = weight.len() as f32;
    if kind == NormKind::Layer {
        let mean = reduce(row, 0.0, |x| x, |sum, x| sum + x) / count;
        for x in &mut *row {
            *x -= mean;
        }
    }
    let variance = reduce(row, 0.0, |x| x * x, |sum, x| sum + x) / count;
    let scale = 1.0 / (variance + epsilon).sqrt();
    if shift.is_empty() {
        for (x, w) in row.iter_mut().zip(weight) {
            *x = *x * scale * *w;
        }
    } else {
        for ((x, w), s) in row.iter_mut().zip(weight).zip(shift) {
            *x = *x * scale * *w + *s;
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn each(row: &mut [f32], bias: &[f32], function: impl Fn(f32) -> f32) {
    for (x, b) in row.iter_mut().zip(bias) {
        *x = function(*x + *b);
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn reduce(row: &[f32], start: f32, map: impl Fn(f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut lanes = [start; LANES];
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = join(*lane, map(*x));
        }
    }
    let total = lanes.iter().fold(start, |total, lane| join(total, *lane));
    rest.iter().fold(total, |total, x| join(total, map(*x)))
}

/// e^x to within two units in the last place, for x up to 88; below −87 it is about 10⁻³⁸. NaN stays NaN.
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "ln 2 in two parts, the first with few bits")]
fn exp(x: f32) -> f32 {
    /// Adding it rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_375 - n * -2.121_944_4e-4;
    let mut sum = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = sum * r + coefficient;
    }
    sum * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// x·Φ(x) as max(x, 0) − |x|·Q(|x|), where Q is the upper tail of the normal distribution.
///
/// Q(x)·e^(x²/2) is a polynomial in t = 1/(1 + 0.21·x), fitted over 0 ≤ x ≤ 14.5 to a relative error of 2·10⁻⁸.
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "as fitted")]
fn gelu(x: f32) -> f32 {
    const TAIL: [f32; 9] = [
        -0.071_299_225,
        0.281_825_274,
        -0.326_534_450,
        0.345_032_096,
        -0.090_802_915,
        0.123_484_626,
        0.069_566_622,
        0.085_012_868,
        0.083_715_126,
    ];
    let magnitude = x.abs();
    let t = 1.0 / (1.0 + 0.21 * magnitude);
    let mut sum = 0.0;
    for coefficient in TAIL {
        sum = sum * t + coefficient;
    }
    let tail = sum * t * exp(-0.5 * (magnitude * magnitude));
    let positive = if x < 0.0 { 0.0 } else { x };
    positive - magnitude * tail
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    const ROOT: f32 = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
    0.5 * x * (1.0 + tanh(ROOT * (x + 0.044_715 * x * x * x)))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn tanh(x: f32) -> f32 {
    let e = exp(-2.0 * x.abs());
    let magnitude = (1.0 - e) / (1.0 + e);
    if x < 0.0 { -magnitude } else { magnitude }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let small = e / (1.0 + e);
    if x < 0.0 { small } else { 1.0 - small }
}

#[cfg(test)]
#[path = "neural_tests.rs"]
mod tests;
