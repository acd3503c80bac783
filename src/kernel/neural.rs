//! The operations of an encoder between matrix products: bias, activation, normalisation, softmax.
//!
//! Loops are written so that the compiler vectorises them. Unlike what merges compute, these multiply and add in one operation where
//! the machine can, as the matrix products between them do: the last bits of an embedding are the machine's either way.

use super::simd_level::per_level;

/// Number of partial sums that a reduction keeps side by side.
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

/// The distance between rows of `width` scores, rounded up to whole lanes.
pub fn row_of_lanes(width: usize) -> usize {
    width.next_multiple_of(LANES)
}

per_level! {
    /// Replaces each row of `width` scores by `e^(score − largest)`, and writes the reciprocal of each row's sum to
    /// `scales`. Rows are [`row_of_lanes`] apart; the padding between them is ignored.
    pub fn exponentials(scores: &mut [f32], width: usize, scales: &mut [f32]) {
        // The padding in the last lanes of a row contributes next to nothing.
        let left = width - (width.div_ceil(LANES) - 1) * LANES;
        let kept: [u32; LANES] = std::array::from_fn(|lane| if lane < left { u32::MAX } else { 0 });
        let else_bits = kept.map(|kept| !kept & f32::NEG_INFINITY.to_bits());
        for (row, scale) in scores.chunks_exact_mut(row_of_lanes(width)).zip(scales) {
            let (chunks, _) = row.as_chunks_mut::<LANES>();
            if let Some(last) = chunks.last_mut() {
                for ((x, kept), or) in last.iter_mut().zip(&kept).zip(&else_bits) {
                    *x = f32::from_bits((x.to_bits() & kept) | or);
                }
            }
            let mut most = [f32::NEG_INFINITY; LANES];
            for chunk in &*chunks {
                for (most, &x) in most.iter_mut().zip(chunk) {
                    let so_far = *most;
                    *most = if x > so_far { x } else { so_far };
                }
            }
            let largest = across(most, |a, b| if a > b { a } else { b });
            let mut sums = [0.0; LANES];
            for chunk in chunks {
                for (sum, x) in sums.iter_mut().zip(chunk) {
                    let power = exp::<FUSED>(*x - largest);
                    *x = power;
                    *sum += power;
                }
            }
            *scale = 1.0 / across(sums, |a, b| a + b);
        }
    }
}

per_level! {
    /// Multiplies each row of `width` numbers by its scale. Rows are `stride` apart.
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

per_level! {
    /// Replaces numbers by those of `other` that are larger.
    pub fn max_to(values: &mut [f32], other: &[f32]) {
        for (x, y) in values.iter_mut().zip(other) {
            let so_far = *x;
            *x = if *y > so_far { *y } else { so_far };
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

/// Evaluates an expression with `$function` bound to the activation function.
macro_rules! with_function {
    ($activation:expr, $function:ident => $do:expr) => {
        match $activation {
            Activation::Identity => {
                let $function = |x: f32| x;
                $do
            }
            Activation::Gelu => {
                let $function = gelu::<FUSED>;
                $do
            }
            Activation::GeluTanh => {
                let $function = gelu_tanh::<FUSED>;
                $do
            }
            Activation::Relu => {
                let $function = |x: f32| if x < 0.0 { 0.0 } else { x };
                $do
            }
            Activation::Silu => {
                let $function = |x: f32| x * sigmoid::<FUSED>(x);
                $do
            }
            Activation::Sigmoid => {
                let $function = sigmoid::<FUSED>;
                $do
            }
            Activation::Tanh => {
                let $function = tanh::<FUSED>;
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
    /// Adds the bias to each row, applies the activation to the first half, and writes its product with the second half to
    /// `out`.
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
    /// Adds the bias to the first columns of rows that lie `stride` apart, as many as it has, and applies the activation.
    /// `rough` says that the results are rounded to bfloat16.
    pub fn finish_columns(rows: &mut [f32], stride: usize, bias: &[f32], activation: Activation, rough: bool) {
        // The compiler must not know how many there are: it would take rows side by side and gather their numbers.
        let rows = rows.chunks_mut(stride).map(|row| &mut row[..bias.len()]);
        // These are loops, since a closure may be compiled without the level's instructions.
        if rough && activation == Activation::Gelu {
            for row in rows {
                each(row, bias, rough_gelu::<FUSED>);
            }
            return;
        }
        with_function!(activation, function => {
            for row in rows {
                each(row, bias, function);
            }
        });
    }
}

per_level! {
    /// Adds biases to the rows of the gate and to the other rows, which are as wide, and multiplies the gate's, with
    /// the activation applied, by the others.
    pub fn gate_columns(gate: &mut [f32], rows: &[f32], gate_bias: &[f32], bias: &[f32], activation: Activation) {
        let gates = gate.chunks_exact_mut(bias.len());
        with_function!(activation, function => {
            for (gate, row) in gates.zip(rows.chunks_exact(bias.len())) {
                for (((g, u), a), b) in gate.iter_mut().zip(row).zip(gate_bias).zip(bias) {
                    *g = function(*g + *a) * (*u + *b);
                }
            }
        });
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
    /// Adds `other` and `bias` to each row, normalises it, multiplies by `weight` and adds `shift`.
    #[expect(clippy::too_many_arguments, reason = "kernels take plain slices")]
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
    /// Normalises each row, multiplies by `weight` and adds `shift`, unless `shift` is empty.
    pub fn norm(rows: &mut [f32], weight: &[f32], shift: &[f32], epsilon: f32, kind: NormKind) {
        for row in rows.chunks_exact_mut(weight.len()) {
            normalise(row, weight, shift, epsilon, kind);
        }
    }
}

per_level! {
    /// Applies a rotary position embedding: rotates number i of each row's first half together with number i of its second
    /// half by angle i. Rows are twice as wide as `cosines`.
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
    let total = across(lanes, &join);
    rest.iter().fold(total, |total, x| join(total, map(*x)))
}

/// Reduces the lanes by halves.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn across(lanes: [f32; LANES], join: impl Fn(f32, f32) -> f32) -> f32 {
    let eight: [f32; 8] = std::array::from_fn(|lane| join(lanes[lane], lanes[lane + 8]));
    let four: [f32; 4] = std::array::from_fn(|lane| join(eight[lane], eight[lane + 4]));
    join(join(four[0], four[2]), join(four[1], four[3]))
}

/// a·b + c.
#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
#[expect(clippy::disallowed_methods, reason = "the products that it stands between round once too")]
fn fused<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// 1/x to within two units in the last place, for x of 1 to 10. Newton's steps: a division takes several times as long.
#[inline(always)]
fn reciprocal<const FUSED: bool>(x: f32) -> f32 {
    /// Minus the bits of a number, from here, are those of a number within an eighth of its reciprocal.
    const GUESS: u32 = 0x7ef3_11c7;
    let mut guess = f32::from_bits(GUESS.wrapping_sub(x.to_bits()));
    for _ in 0..3 {
        let left = fused::<FUSED>(-x, guess, 1.0);
        guess = fused::<FUSED>(guess, left, guess);
    }
    guess
}

/// e^x to within two units in the last place, for x up to 88; below −87 it is about 10⁻³⁸. NaN stays NaN.
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "ln 2 in two parts, the first with few bits")]
fn exp<const FUSED: bool>(x: f32) -> f32 {
    /// Adding this constant rounds to an integer, which is then found in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = fused::<FUSED>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fused::<FUSED>(n, 2.121_944_4e-4, fused::<FUSED>(n, -0.693_359_375, x));
    let mut sum = 1.0 / 5040.0;
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = fused::<FUSED>(sum, r, coefficient);
    }
    sum * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// x·Φ(x) as max(x, 0) − |x|·Q(|x|), where Q is the upper tail of the normal distribution.
///
/// Q(x)·e^(x²/2) is a polynomial in t = 1/(1 + 0.21·x), fitted over 0 ≤ x ≤ 14.5 to a relative error of 2·10⁻⁸.
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "as fitted")]
fn gelu<const FUSED: bool>(x: f32) -> f32 {
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
    // Beyond this, the tail is nothing.
    let near = if magnitude > 20.0 { 20.0 } else { magnitude };
    let t = reciprocal::<FUSED>(fused::<FUSED>(0.21, near, 1.0));
    let mut sum = 0.0;
    for coefficient in TAIL {
        sum = fused::<FUSED>(sum, t, coefficient);
    }
    let tail = sum * t * exp::<FUSED>(-0.5 * (magnitude * magnitude));
    let positive = if x < 0.0 { 0.0 } else { x };
    fused::<FUSED>(-magnitude, tail, positive)
}

/// x·Φ(x) to within 10⁻⁴, in a third of the time: Φ(x) − ½ as x times a polynomial in x², which is exact where it ends, at 4.2.
#[inline(always)]
#[expect(clippy::excessive_precision, reason = "as fitted")]
fn rough_gelu<const FUSED: bool>(x: f32) -> f32 {
    const MOST: f32 = 4.2;
    const FIT: [f32; 8] = [
        -9.017_506_7e-10,
        7.941_321_5e-8,
        -3.037_926_5e-6,
        6.689_062_0e-5,
        -9.506_568_8e-4,
        9.298_226_6e-3,
        -6.552_819_6e-2,
        0.398_465_87,
    ];
    let low = if x < -MOST { -MOST } else { x };
    let near = if low > MOST { MOST } else { low };
    let square = near * near;
    let mut sum = 0.0;
    for coefficient in FIT {
        sum = fused::<FUSED>(sum, square, coefficient);
    }
    let share = fused::<FUSED>(near, sum, 0.5);
    x * if x < -MOST { 0.0 } else { share }
}

#[inline(always)]
fn gelu_tanh<const FUSED: bool>(x: f32) -> f32 {
    const ROOT: f32 = std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2;
    0.5 * x * (1.0 + tanh::<FUSED>(ROOT * (x + 0.044_715 * x * x * x)))
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn tanh<const FUSED: bool>(x: f32) -> f32 {
    let e = exp::<FUSED>(-2.0 * x.abs());
    let magnitude = (1.0 - e) * reciprocal::<FUSED>(1.0 + e);
    if x < 0.0 { -magnitude } else { magnitude }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "part of a kernel body")]
fn sigmoid<const FUSED: bool>(x: f32) -> f32 {
    let e = exp::<FUSED>(-x.abs());
    let small = e * reciprocal::<FUSED>(1.0 + e);
    if x < 0.0 { small } else { 1.0 - small }
}

#[cfg(test)]
#[path = "neural_tests.rs"]
mod tests;
