//! Attention over packed texts (one after another, without padding) on the CPU.

use std::ops::Range;

use candle_core::Result as Computed;
use rayon::prelude::*;

use super::super::layers::attention::{Attention, HeadNorms};
use super::super::layers::norm::CpuNorm;
use super::super::layers::relative_bias::Spread;
use super::super::layers::rotary::Table;
use super::positions::{MetTokens, PackedPositions};
use super::rows::{for_paired_rows, resized};
use crate::kernel::{self, Matrix, SimdLevel, Threads};

/// Number of queries of one text that are computed at a time.
const QUERIES: usize = 256;
/// The score of masked tokens, which is finite so that no row of scores becomes NaN.
const MASKED: f32 = -1e30;

/// Normalises the heads of queries and keys, and rotates them by their positions. Each row has the query, the key and the
/// value of a token.
pub(super) struct NormAndRotate<'a> {
    pub(super) attention: &'a Attention,
    pub(super) norms: &'a HeadNorms,
    pub(super) table: Option<&'a Table>,
}

impl NormAndRotate<'_> {
    /// `positions` has the position of each row.
    pub(super) fn apply(&self, values: &mut [f32], positions: &[u32], threads: Threads) {
        let HeadNorms { query, key, value } = self.norms;
        if [query, key, value].iter().all(|norm| norm.is_none()) && self.table.is_none() {
            return;
        }
        let width = self.attention.columns();
        for_paired_rows((values, width), (positions, 1), threads, |rows, positions| {
            for (row, position) in rows.chunks_exact_mut(width).zip(positions) {
                self.prepare(row, *position as usize);
            }
        });
    }

    fn prepare(&self, row: &mut [f32], position: usize) {
        let level = SimdLevel::best();
        let Attention { heads, key_value_heads, size, .. } = *self.attention;
        let (turned, values) = row.split_at_mut((heads + key_value_heads) * size);
        let (queries, keys) = turned.split_at_mut(heads * size);
        let HeadNorms { query, key, value } = self.norms;
        for (heads, norm) in [(queries, query), (keys, key), (values, value)] {
            if let Some(norm) = norm {
                let CpuNorm { weight, shift, epsilon, kind } = norm.on_cpu();
                kernel::norm(level, heads, weight, shift, epsilon, kind);
            }
        }
        if let Some(table) = self.table {
            let (cosines, sines) = table.row(position);
            kernel::rotate(level, turned, cosines, sines);
        }
    }
}

/// Attention within each of several texts. Each row of `values` has the query, the key and the value of a token, each of
/// them head after head.
pub(super) struct PackedAttention<'a> {
    pub(super) attention: &'a Attention,
    pub(super) lengths: &'a [usize],
    /// The number of each text's first tokens that tokens attend to.
    pub(super) attended: &'a [usize],
    pub(super) values: &'a [f32],
    /// Biases by distance.
    pub(super) spread: Option<&'a Spread>,
    /// The relative positions that queries and keys meet.
    pub(super) positions: Option<PackedPositions<'a>>,
}

/// Some queries of one text: where its rows start, how many there are, and the first of the queries.
struct Task<'a> {
    start: usize,
    length: usize,
    attended: usize,
    first: usize,
    out: &'a mut [f32],
}

impl PackedAttention<'_> {
    /// Computes one row for each token, head after head. `buffer` is resized as scratch memory.
    pub(super) fn apply(&self, out: &mut [f32], buffer: &mut Vec<f32>, threads: Threads) -> Computed<()> {
        let width = self.attention.heads * self.attention.size;
        let mut tasks = self.tasks(out, width).into_iter();
        match threads {
            Threads::One => tasks.try_for_each(|task| self.attend(task, buffer)),
            Threads::All => tasks
                .collect::<Vec<_>>()
                .into_par_iter()
                .map_init(Vec::new, |buffer, task| self.attend(task, buffer))
                .collect(),
        }
    }

    fn tasks<'b>(&self, mut out: &'b mut [f32], width: usize) -> Vec<Task<'b>> {
        let mut tasks = Vec::new();
        let mut start = 0;
        for (&length, &attended) in self.lengths.iter().zip(self.attended) {
            for first in (0..length).step_by(QUERIES) {
                let (taken, rest) = out.split_at_mut(QUERIES.min(length - first) * width);
                tasks.push(Task { start, length, attended, first, out: taken });
                out = rest;
            }
            start += length;
        }
        tasks
    }

    fn attend(&self, task: Task<'_>, buffer: &mut Vec<f32>) -> Computed<()> {
        let Task { start, length, attended, first, out } = task;
        let Attention { heads, key_value_heads, size, scale, .. } = *self.attention;
        let (width, columns) = (heads * size, self.attention.columns());
        let queries = out.len() / width;
        // The keys that any of the queries attends to.
        let seen = |query: usize| {
            let keys = self.attention.keys(query, length);
            keys.start.min(attended)..keys.end.min(attended)
        };
        let keys = seen(first).start..seen(first + queries - 1).end;
        let count = keys.len();
        if count == 0 {
            out.fill(0.0);
            return Ok(());
        }
        let stride = kernel::row_of_lanes(count);
        let met = self.positions.as_ref().map(|positions| positions.range(length));
        let met_width = met.as_ref().map_or(0, Range::len);
        let work = resized(buffer, queries * stride + (queries + count) * met_width);
        let (scores, met_products) = work.split_at_mut(queries * stride);
        let mut scales = [0.0; QUERIES];
        let part = |row: usize, column: usize, rows: usize| Matrix {
            values: &self.values[(start + row) * columns + column..],
            rows,
            columns: size,
            row_stride: columns,
            column_stride: 1,
        };
        let level = SimdLevel::best();
        for head in 0..heads {
            let key_value_head = head / (heads / key_value_heads);
            let query = part(first, head * size, queries);
            let key = part(keys.start, width + key_value_head * size, count);
            let value = part(keys.start, width + (key_value_heads + key_value_head) * size, count);
            self.multiply(scores, stride, query, key.transposed(), scale);
            if let (Some(positions), Some(met)) = (&self.positions, &met) {
                let of = MetTokens { head, query, key, first, start: keys.start, length };
                positions.add(&of, met.clone(), met_products, (&mut *scores, stride))?;
            }
            for (row, scores) in scores.chunks_exact_mut(stride).enumerate() {
                self.adjust(head, first + row, length, keys.start, &seen(first + row), &mut scores[..count]);
            }
            kernel::exponentials(level, scores, count, &mut scales);
            for (row, scale) in scales[..queries].iter_mut().enumerate() {
                // Without a token to attend to, nothing comes out.
                if seen(first + row).is_empty() {
                    *scale = 0.0;
                }
            }
            let out = &mut out[head * size..];
            let weights =
                Matrix { values: scores, rows: queries, columns: count, row_stride: stride, column_stride: 1 };
            self.multiply(out, width, weights, value, 1.0);
            kernel::scale_rows(level, out, size, width, &scales[..queries]);
        }
        Ok(())
    }

    /// `out = factor · left · right`, as weights are multiplied too.
    fn multiply(&self, out: &mut [f32], stride: usize, left: Matrix<'_>, right: Matrix<'_>, factor: f32) {
        match self.attention.packing {
            Some(packing) => kernel::multiply_tiles(packing, out, stride, left, right, factor),
            None => kernel::multiply(out, stride, left, right, factor, Threads::One),
        }
    }

    /// Adds the relative bias to the scores of one query, and masks all but the tokens `seen`. The first score is that of key
    /// `start`.
    fn adjust(&self, head: usize, query: usize, length: usize, start: usize, seen: &Range<usize>, scores: &mut [f32]) {
        if let Some(spread) = self.spread {
            let row = spread.row(head, query, length);
            kernel::add_to(SimdLevel::best(), scores, &row[start..start + scores.len()]);
        }
        if let Some(cap) = self.attention.cap {
            for score in &mut *scores {
                *score = libm::tanhf(*score / cap) * cap;
            }
        }
        if self.attention.is_masked() {
            scores[..seen.start - start].fill(MASKED);
            scores[seen.end - start..].fill(MASKED);
        }
    }
}
