//! Attention over packed texts (one after another, without padding) on the CPU.

use rayon::prelude::*;

use super::super::layers::attention::Attention;
use super::super::layers::norm::CpuNorm;
use super::super::layers::rotary::Table;
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
    /// Norms of a query's head and a key's.
    pub(super) norms: Option<[CpuNorm<'a>; 2]>,
    pub(super) table: Option<&'a Table>,
}

impl NormAndRotate<'_> {
    /// `positions` has the position of each row.
    pub(super) fn apply(&self, values: &mut [f32], positions: &[u32], threads: Threads) {
        if self.norms.is_none() && self.table.is_none() {
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
        let turned = &mut row[..(heads + key_value_heads) * size];
        if let Some(norms) = self.norms {
            let (queries, keys) = turned.split_at_mut(heads * size);
            for (heads, CpuNorm { weight, shift, epsilon, kind }) in [queries, keys].into_iter().zip(norms) {
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
    pub(super) values: &'a [f32],
}

/// Some queries of one text: where its rows start, how many there are, and the first of the queries.
struct Task<'a> {
    start: usize,
    length: usize,
    first: usize,
    out: &'a mut [f32],
}

impl PackedAttention<'_> {
    /// Computes one row for each token, head after head. `buffer` is resized as scratch memory.
    pub(super) fn apply(&self, out: &mut [f32], buffer: &mut Vec<f32>, threads: Threads) {
        let width = self.attention.heads * self.attention.size;
        match threads {
            Threads::One => self.tasks(out, width).into_iter().for_each(|task| self.attend(task, buffer)),
            Threads::All => {
                self.tasks(out, width)
                    .into_par_iter()
                    .for_each_init(Vec::new, |buffer, task| self.attend(task, buffer));
            }
        }
    }

    fn tasks<'b>(&self, mut out: &'b mut [f32], width: usize) -> Vec<Task<'b>> {
        let mut tasks = Vec::new();
        let mut start = 0;
        for &length in self.lengths {
            for first in (0..length).step_by(QUERIES) {
                let (taken, rest) = out.split_at_mut(QUERIES.min(length - first) * width);
                tasks.push(Task { start, length, first, out: taken });
                out = rest;
            }
            start += length;
        }
        tasks
    }

    fn attend(&self, task: Task<'_>, buffer: &mut Vec<f32>) {
        let Task { start, length, first, out } = task;
        let Attention { heads, key_value_heads, size, scale, .. } = *self.attention;
        let (width, columns) = (heads * size, self.attention.columns());
        let queries = out.len() / width;
        // The keys that any of the queries attends to.
        let keys = self.attention.keys(first, length).start..self.attention.keys(first + queries - 1, length).end;
        let count = keys.len();
        let stride = kernel::row_of_lanes(count);
        let scores = resized(buffer, queries * stride);
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
            kernel::multiply(scores, stride, query, key.transposed(), scale, Threads::One);
            for (row, scores) in scores.chunks_exact_mut(stride).enumerate() {
                self.adjust(head, first + row, length, keys.start, &mut scores[..count]);
            }
            kernel::exponentials(level, scores, count, &mut scales);
            let out = &mut out[head * size..];
            let weights =
                Matrix { values: scores, rows: queries, columns: count, row_stride: stride, column_stride: 1 };
            kernel::multiply(out, width, weights, value, 1.0, Threads::One);
            kernel::scale_rows(level, out, size, width, &scales[..queries]);
        }
    }

    /// Adds the relative bias to the scores of one query, and masks the tokens that it does not attend to. The first score
    /// is that of key `start`.
    fn adjust(&self, head: usize, query: usize, length: usize, start: usize, scores: &mut [f32]) {
        if let Some(relative) = &self.attention.relative {
            let row = relative.row(head, query, length);
            kernel::add_to(SimdLevel::best(), scores, &row[start..start + scores.len()]);
        }
        if self.attention.is_masked() {
            let seen = self.attention.keys(query, length);
            scores[..seen.start - start].fill(MASKED);
            scores[seen.end - start..].fill(MASKED);
        }
    }
}
