//! Computes one batch on the CPU, over plain slices that are reused from batch to batch.
//!
//! Texts are packed one after another without padding. A thread takes a batch through all layers on its own, so that data
//! stays in its cache and no thread waits for another. Only with fewer batches than threads do threads work on one batch
//! together.

use std::sync::Arc;

use candle_core::Result as Computed;

use super::super::batch::Batch;
use super::super::layers::attention::Attention;
use super::super::layers::linear::Linear;
use super::super::layers::norm::Norm;
use super::super::layers::residual::ResidualNorms;
use super::super::layers::rotary::Table;
use super::super::layers::transformer_layer::TransformerLayer;
use super::super::layers::values::{gather_rows, with_values};
use super::super::transformer::Transformer;
use super::attention::{NormAndRotate, PackedAttention};
use super::rows::{for_paired_rows, for_rows, normalise, resized};
use crate::kernel::{self, Activation, Matrix, SimdLevel, Threads};

/// The buffers of a thread.
#[derive(Debug, Default)]
pub(in crate::encoder) struct Workspace {
    /// One vector for each token.
    hidden: Vec<f32>,
    /// The hidden vectors of the next step.
    next: Vec<f32>,
    input: Vec<f32>,
    qkv: Vec<f32>,
    inner: Vec<f32>,
    gated: Vec<f32>,
    scores: Vec<f32>,
}

/// The context that all layers need for a batch.
struct Computation<'a> {
    batch: &'a Batch,
    tables: Vec<Option<Arc<Table>>>,
    threads: Threads,
    activation: Activation,
}

impl Transformer {
    /// Computes one vector for each token of the batch, in a buffer of `workspace`.
    pub(in crate::encoder) fn forward_packed<'w>(
        &self,
        batch: &Batch,
        workspace: &'w mut Workspace,
        threads: Threads,
    ) -> Computed<&'w [f32]> {
        let longest = batch.lengths.iter().copied().max().unwrap_or(0);
        let table = |attention: &Attention| attention.rotary.as_ref().map(|rotary| rotary.table(longest));
        let tables = self.attentions.iter().map(table).collect();
        let computation = Computation { batch, tables, threads, activation: self.activation };
        self.embed_packed(batch, workspace, threads)?;
        for layer in &self.layers {
            let attention = (self.attentions.get(layer.attention), computation.tables.get(layer.attention));
            let (Some(attention), Some(table)) = attention else { continue };
            layer.forward_packed(&computation, attention, table.as_deref(), workspace)?;
        }
        let hidden = &mut workspace.hidden[..batch.ids.len() * self.width];
        if let Some(norm) = &self.last_norm {
            normalise(hidden, norm.on_cpu(), threads);
        }
        Ok(hidden)
    }

    /// Computes the sum of token and position embeddings, normalised.
    fn embed_packed(&self, batch: &Batch, workspace: &mut Workspace, threads: Threads) -> Computed<()> {
        let width = self.width;
        let hidden = resized(&mut workspace.hidden, batch.ids.len() * width);
        self.token_embeddings.gather(&batch.ids, hidden, width)?;
        if let Some(positions) = &self.positions {
            let added = resized(&mut workspace.next, batch.ids.len() * width);
            with_values(positions, |table| gather_rows(table, &batch.positions, added, width))?;
            kernel::add_to(SimdLevel::best(), hidden, added);
        }
        if let Some(norm) = &self.norm {
            normalise(hidden, norm.on_cpu(), threads);
        }
        Ok(())
    }
}

impl TransformerLayer {
    fn forward_packed(
        &self,
        computation: &Computation<'_>,
        attention: &Attention,
        table: Option<&Table>,
        workspace: &mut Workspace,
    ) -> Computed<()> {
        let Computation { batch, threads, activation, .. } = *computation;
        let tokens = batch.ids.len();
        let columns = attention.columns();
        let width = self.qkv.inputs();
        let Workspace { hidden, next, input, qkv, inner, gated, scores } = workspace;

        let x = self.attention_norms.packed_input(&hidden[..tokens * width], input, threads);
        let qkv = resized(qkv, tokens * columns);
        self.qkv.product(x, qkv, threads)?;
        self.qkv.activate(qkv, Activation::Identity, threads);
        let norms = self.head_norms.as_ref().map(|norms| norms.each_ref().map(Norm::on_cpu));
        NormAndRotate { attention, norms, table }.apply(qkv, &batch.positions, threads);
        let context = resized(inner, tokens * attention.heads * attention.size);
        PackedAttention { attention, lengths: &batch.lengths, values: qkv }.apply(context, scores, threads);
        self.attention_norms.add_residual_packed(hidden, next, &self.attention_output, context, threads)?;

        let x = self.feed_forward_norms.packed_input(&hidden[..tokens * width], input, threads);
        let outputs = self.up.outputs();
        let up = resized(inner, tokens * outputs);
        self.up.product(x, up, threads)?;
        let made = if self.gated {
            let out = resized(gated, tokens * outputs / 2);
            let bias = self.up.cpu_bias();
            for_paired_rows((&mut *out, outputs / 2), (&*up, outputs), threads, |out, rows| {
                kernel::gate(SimdLevel::best(), out, rows, bias, activation);
            });
            out
        } else {
            self.up.activate(up, activation, threads);
            up
        };
        self.feed_forward_norms.add_residual_packed(hidden, next, &self.down, made, threads)
    }
}

impl ResidualNorms {
    /// The input of the sublayer.
    fn packed_input<'a>(&self, hidden: &'a [f32], buffer: &'a mut Vec<f32>, threads: Threads) -> &'a [f32] {
        let Some(norm) = &self.before else { return hidden };
        let input = resized(buffer, hidden.len());
        input.copy_from_slice(hidden);
        normalise(input, norm.on_cpu(), threads);
        input
    }

    /// Applies the sublayer's last linear layer to `inner` and adds the result to `hidden`. `next` is swapped with it.
    fn add_residual_packed(
        &self,
        hidden: &mut Vec<f32>,
        next: &mut Vec<f32>,
        layer: &Linear,
        inner: &[f32],
        threads: Threads,
    ) -> Computed<()> {
        let (width, bias) = (layer.outputs(), layer.cpu_bias());
        let out = resized(next, inner.len() / layer.inputs() * width);
        layer.product(inner, out, threads)?;
        let other = &hidden[..out.len()];
        match (&self.within, &self.after) {
            (None, Some(norm)) => {
                let norm = norm.on_cpu();
                for_paired_rows((&mut *out, width), (other, width), threads, |rows, other| {
                    kernel::add_norm(
                        SimdLevel::best(),
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
            (None, None) => for_paired_rows((&mut *out, width), (other, width), threads, |rows, other| {
                kernel::add_biased(SimdLevel::best(), rows, other, bias);
            }),
            (Some(within), after) => {
                layer.activate(out, Activation::Identity, threads);
                normalise(out, within.on_cpu(), threads);
                for_paired_rows((&mut *out, width), (other, width), threads, |rows, other| {
                    kernel::add_to(SimdLevel::best(), rows, other);
                });
                if let Some(norm) = after {
                    normalise(out, norm.on_cpu(), threads);
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
            let bias = self.cpu_bias();
            for_rows(product, bias.len(), threads, |rows| {
                kernel::bias_activation(SimdLevel::best(), rows, bias, activation);
            });
        }
    }
}
