//! Products of whole matrices: rows are packed and multiplied in blocks that stay in a core's cache.

use std::cell::RefCell;

use rayon::prelude::*;

use super::packed_rows::PackedRows;
use super::packed_weights::PackedWeights;
use super::tile::{Parts, SIDE, Square, write_square};
use crate::kernel::neural::{Activation, finish_columns, gate_columns};
use crate::kernel::{Matrix, SimdLevel, Threads};

/// The bytes of packed rows that are computed at a time: a part of a second-level cache, beside weights.
const BLOCK_BYTES: usize = 768 * 1024;

/// What is done with sums of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Nothing.
    Plain,
    /// The bias is added and the activation applied.
    Activated(Activation),
}

/// The two layers between which a transformer layer is widest.
#[derive(Clone, Copy, Debug)]
pub struct FeedForward<'a> {
    /// The first layer. Of a gated one, the first half of the outputs is the gate.
    pub up: &'a PackedWeights,
    /// The last layer, whose bias is not added.
    pub down: &'a PackedWeights,
    /// What is applied to the first layer's outputs, or to the gate.
    pub activation: Activation,
    /// Whether the first layer is gated.
    pub gated: bool,
}

/// Buffers of a thread.
#[derive(Default)]
struct Buffers {
    rows: PackedRows,
    inner: PackedRows,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// Multiplies rows with weights, and writes a row of the results for each.
///
/// # Panics
/// If `rows` or `out` are not whole rows, or not as many.
pub fn multiply_packed(rows: &[f32], weights: &PackedWeights, finish: Finish, out: &mut [f32], threads: Threads) {
    let width = weights.inputs * weights.parts.count();
    in_blocks((rows, weights.inputs), (out, weights.outputs), width, threads, |rows, out| {
        with_buffers(weights, |buffers| {
            buffers.rows.pack(weights.level, &Matrix::of_rows(rows, weights.inputs), 1.0, weights.parts);
            to_rows(&buffers.rows, weights, finish, out);
        });
    });
}

/// Computes both layers for each row; what is between them never leaves the cache. `None` if the gate of the first layer
/// does not end at a whole square of results, or the layers do not fit each other.
///
/// # Panics
/// If `rows` or `out` are not whole rows, or not as many.
pub fn feed_forward(rows: &[f32], layers: FeedForward<'_>, out: &mut [f32], threads: Threads) -> Option<()> {
    let FeedForward { up, down, activation, gated } = layers;
    let inner = if gated { up.outputs / 2 } else { up.outputs };
    if inner != down.inputs || (gated && !inner.is_multiple_of(SIDE)) || up.parts != down.parts {
        return None;
    }
    let width = inner.max(up.inputs) * up.parts.count();
    in_blocks((rows, up.inputs), (out, down.outputs), width, threads, |rows, out| {
        with_buffers(up, |buffers| {
            let count = rows.len() / up.inputs;
            buffers.rows.pack(up.level, &Matrix::of_rows(rows, up.inputs), 1.0, up.parts);
            buffers.inner.reset(count, inner, up.parts);
            let (mut square, mut other) = (Square::ZERO, Square::ZERO);
            let level = SimdLevel::best();
            for panel in 0..inner.div_ceil(SIDE) {
                for number in 0..count.div_ceil(SIDE) {
                    one_square(&buffers.rows, up, (number, panel), square.0.as_flattened_mut(), SIDE);
                    let bias = &up.bias[panel * SIDE..(panel + 1) * SIDE];
                    if gated {
                        let of_up = panel + inner / SIDE;
                        one_square(&buffers.rows, up, (number, of_up), other.0.as_flattened_mut(), SIDE);
                        let of_up = &up.bias[of_up * SIDE..(of_up + 1) * SIDE];
                        gate_columns(
                            level,
                            square.0.as_flattened_mut(),
                            other.0.as_flattened(),
                            bias,
                            of_up,
                            activation,
                        );
                    } else {
                        finish_columns(
                            level,
                            square.0.as_flattened_mut(),
                            SIDE,
                            bias,
                            activation,
                            up.parts == Parts::One,
                        );
                    }
                    buffers.inner.pack_square(up.level, number, panel, &square, up.parts);
                }
            }
            to_rows(&buffers.inner, down, Finish::Plain, out);
        });
    });
    Some(())
}

/// Multiplies rows that are laid out already with weights of one part, and writes a row of the results for each, on this thread.
///
/// # Panics
/// If there are fewer rows than `out` has, or the rows are not as wide as the weights.
pub fn multiply_packed_rows(rows: &PackedRows, weights: &PackedWeights, out: &mut [f32]) {
    weights.level.prepared(|| to_rows(rows, weights, Finish::Plain, out));
}

/// Calls `f` for blocks of rows, which have about `width` bfloat16 numbers each, and of results.
fn in_blocks(
    (rows, inputs): (&[f32], usize),
    (out, outputs): (&mut [f32], usize),
    width: usize,
    threads: Threads,
    f: impl Fn(&[f32], &mut [f32]) + Sync + Send,
) {
    let count = rows.len().checked_div(inputs).unwrap_or(0);
    if count == 0 || outputs == 0 {
        return;
    }
    assert!(rows.len() == count * inputs && out.len() == count * outputs, "whole rows");
    let fitting = BLOCK_BYTES / (2 * width);
    match threads {
        Threads::One => {
            let block = even(count, fitting);
            rows.chunks(block * inputs).zip(out.chunks_mut(block * outputs)).for_each(|(rows, out)| f(rows, out));
        }
        Threads::All => {
            let block = even(count, fitting.min(count.div_ceil(rayon::current_num_threads())));
            let blocks = rows.par_chunks(block * inputs).zip(out.par_chunks_mut(block * outputs));
            blocks.for_each(|(rows, out)| f(rows, out));
        }
    }
}

/// The number of rows in each block of about equal size, a multiple of a square's.
fn even(rows: usize, most: usize) -> usize {
    let most = (most / SIDE).max(1) * SIDE;
    rows.div_ceil(rows.div_ceil(most)).next_multiple_of(SIDE)
}

fn with_buffers(weights: &PackedWeights, f: impl FnOnce(&mut Buffers)) {
    weights.level.prepared(|| BUFFERS.with_borrow_mut(f));
}

/// Multiplies packed rows, of which there are as many as rows in `out`.
fn to_rows(rows: &PackedRows, weights: &PackedWeights, finish: Finish, out: &mut [f32]) {
    let level = SimdLevel::best();
    for panel in 0..weights.panels() {
        let columns = panel * SIDE..((panel + 1) * SIDE).min(weights.outputs);
        let bias = &weights.bias[panel * SIDE..(panel + 1) * SIDE];
        for (number, out) in out.chunks_mut(SIDE * weights.outputs).enumerate() {
            write_square(out, weights.outputs, columns.clone(), |out, stride| {
                one_square(rows, weights, (number, panel), out, stride);
            });
            if let Finish::Activated(activation) = finish {
                let (rough, out) = (weights.parts == Parts::One, &mut out[columns.start..]);
                finish_columns(level, out, weights.outputs, &bias[..columns.len()], activation, rough);
            }
        }
    }
}

/// Computes the results of 32 rows and 32 outputs.
fn one_square(
    rows: &PackedRows,
    weights: &PackedWeights,
    (square, panel): (usize, usize),
    out: &mut [f32],
    stride: usize,
) {
    weights.level.square(rows.bands(square), weights.panel(panel), weights.parts, out, stride);
}
