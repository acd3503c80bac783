//! One batch through the layers on the processor, over plain slices that are kept from batch to batch.
//!
//! Texts lie one after the other without padding. A thread takes a batch through all layers on its own, so that what a layer
//! hands to the next stays in its cache and no thread waits for another; only where there are fewer batches than threads
//! do they work on one together.

use std::sync::Arc;

use candle_core::{CpuStorage, Result as Computed, Storage, Tensor, bail};

use super::attention::Attention;
use super::batch::Batch;
use super::fused::{normalise, paired, room, rows};
use super::layers::{Linear, Norm};
use super::packed::{PackedAttention, Prepare};
use super::rotary::Table;
use super::stack::{Around, Layer, Stack};
use super::words::pick;
use crate::kernel::{self, Activation, Level, Matrix, Threads};

/// What a thread works in.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// One vector a token.
    hidden: Vec<f32>,
    /// The next one.
    next: Vec<f32>,
    seen: Vec<f32>,
    joined: Vec<f32>,
    inner: Vec<f32>,
    gated: Vec<f32>,
    scores: Vec<f32>,
}

/// A batch, and the threads that compute it.
struct Run<'a> {
    batch: &'a Batch,
    tables: Vec<Option<Arc<Table>>>,
    threads: Threads,
    activation: Activation,
}

impl Stack {
    /// One vector a token of the batch, in a buffer of `work`.
    pub(super) fn forward_packed<'w>(
        &self,
        batch: &Batch,
        work: &'w mut Work,
        threads: Threads,
    ) -> Computed<&'w [f32]> {
        let longest = batch.lengths.iter().copied().max().unwrap_or(0);
        let table = |attention: &Attention| attention.rotary.as_ref().map(|rotary| rotary.table(longest));
        let tables = self.attentions.iter().map(table).collect();
        let run = Run { batch, tables, threads, activation: self.activation };
        self.look_up(batch, work, threads)?;
        for layer in &self.layers {
            let attention = (self.attentions.get(layer.attention), run.tables.get(layer.attention));
            let (Some(attention), Some(table)) = attention else { continue };
            layer.forward_packed(&run, attention, table.as_deref(), work)?;
        }
        let hidden = &mut work.hidden[..batch.ids.len() * self.width];
        if let Some(norm) = &self.last_norm {
            normalise(hidden, norm.host(), threads);
        }
        Ok(hidden)
    }

    /// The vectors of tokens and positions, normalised.
    fn look_up(&self, batch: &Batch, work: &mut Work, threads: Threads) -> Computed<()> {
        let width = self.width;
        let hidden = room(&mut work.hidden, batch.ids.len() * width);
        self.words.pick(&batch.ids, hidden, width)?;
        if let Some(positions) = &self.positions {
            let added = room(&mut work.next, batch.ids.len() * width);
            with_values(positions, |table| pick(table, &batch.positions, added, width))?;
            kernel::add_to(Level::best(), hidden, added);
        }
        if let Some(norm) = &self.norm {
            normalise(hidden, norm.host(), threads);
        }
        Ok(())
    }
}

impl Layer {
    fn forward_packed(
        &self,
        run: &Run<'_>,
        attention: &Attention,
        table: Option<&Table>,
        work: &mut Work,
    ) -> Computed<()> {
        let Run { batch, threads, activation, .. } = *run;
        let tokens = batch.ids.len();
        let columns = attention.columns();
        let width = self.attended.inputs();
        let Work { hidden, next, seen, joined, inner, gated, scores } = work;

        let x = self.around_attention.seen(&hidden[..tokens * width], seen, threads);
        let joined = room(joined, tokens * columns);
        self.attended.product(x, joined, threads)?;
        self.attended.activate(joined, Activation::Identity, threads);
        let norms = self.head_norms.as_ref().map(|norms| norms.each_ref().map(Norm::host));
        Prepare { attention, norms, table }.apply(joined, &batch.positions, threads);
        let attended = room(inner, tokens * attention.heads * attention.size);
        PackedAttention { attention, lengths: &batch.lengths, values: joined }.apply(attended, scores, threads);
        self.around_attention.leave(hidden, next, &self.joined, attended, threads)?;

        let x = self.around_inner.seen(&hidden[..tokens * width], seen, threads);
        let outputs = self.up.outputs();
        let up = room(inner, tokens * outputs);
        self.up.product(x, up, threads)?;
        let made = if self.gated {
            let out = room(gated, tokens * outputs / 2);
            let bias = self.up.host_bias();
            paired((&mut *out, outputs / 2), (&*up, outputs), threads, |out, rows| {
                kernel::gate(Level::best(), out, rows, bias, activation);
            });
            out
        } else {
            self.up.activate(up, activation, threads);
            up
        };
        self.around_inner.leave(hidden, next, &self.down, made, threads)
    }
}

impl Around {
    /// What the part is given.
    fn seen<'a>(&self, hidden: &'a [f32], buffer: &'a mut Vec<f32>, threads: Threads) -> &'a [f32] {
        let Some(norm) = &self.before else { return hidden };
        let seen = room(buffer, hidden.len());
        seen.copy_from_slice(hidden);
        normalise(seen, norm.host(), threads);
        seen
    }

    /// Makes `hidden` the sum of itself and of what the part's last layer makes of `inner`; `next` is exchanged with it.
    fn leave(
        &self,
        hidden: &mut Vec<f32>,
        next: &mut Vec<f32>,
        layer: &Linear,
        inner: &[f32],
        threads: Threads,
    ) -> Computed<()> {
        let (width, bias) = (layer.outputs(), layer.host_bias());
        let out = room(next, inner.len() / layer.inputs() * width);
        layer.product(inner, out, threads)?;
        let other = &hidden[..out.len()];
        match (&self.within, &self.after) {
            (None, Some(norm)) => {
                let norm = norm.host();
                paired((&mut *out, width), (other, width), threads, |rows, other| {
                    kernel::add_norm(
                        Level::best(),
                        rows,
                        other,
                        bias,
                        norm.weight,
                        norm.shift,
                        norm.epsilon,
                        norm.kind,
                    );
                });
            }
            (None, None) => paired((&mut *out, width), (other, width), threads, |rows, other| {
                kernel::add_biased(Level::best(), rows, other, bias);
            }),
            (Some(within), after) => {
                layer.activate(out, Activation::Identity, threads);
                normalise(out, within.host(), threads);
                paired((&mut *out, width), (other, width), threads, |rows, other| {
                    kernel::add_to(Level::best(), rows, other);
                });
                if let Some(norm) = after {
                    normalise(out, norm.host(), threads);
                }
            }
        }
        std::mem::swap(hidden, next);
        Ok(())
    }
}

impl Linear {
    /// `out = x · weight`, without the bias.
    fn product(&self, x: &[f32], out: &mut [f32], threads: Threads) -> Computed<()> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        with_values(self.weight(), |weight| {
            let (left, right) = (Matrix::of_rows(x, inputs), Matrix::of_rows(weight, outputs));
            kernel::multiply(out, outputs, left, right, 1.0, threads);
            Ok(())
        })
    }

    /// Adds the bias to a product and applies an activation.
    fn activate(&self, product: &mut [f32], activation: Activation, threads: Threads) {
        if self.is_biased() || activation != Activation::Identity {
            let bias = self.host_bias();
            rows(product, bias.len(), threads, |rows| {
                kernel::bias_activation(Level::best(), rows, bias, activation);
            });
        }
    }
}

/// Calls `f` with the numbers of a tensor that lies on the processor in one piece.
pub(super) fn with_values<R>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Computed<R>) -> Computed<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(CpuStorage::F32(values)), Some((start, end))) => f(&values[start..end]),
        _ => bail!("a tensor is not on the processor, not in float32 or not in one piece"),
    }
}
