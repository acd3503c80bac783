//! Computes one batch on the CPU, over plain slices that are reused from batch to batch.
//!
//! Texts are packed one after another without padding. A thread takes a batch through all layers on its own, so that data
//! stays in its cache and no thread waits for another. Only with fewer batches than threads do threads work on one batch
//! together.

use std::sync::Arc;

use candle_core::Result as Computed;
use rayon::prelude::*;

use super::super::batch::Batch;
use super::super::layers::attention::Attention;
use super::super::layers::convolution::Convolution;
use super::super::layers::disentangled::PositionTable;
use super::super::layers::linear::{Linear, Weight};
use super::super::layers::per_layer::PerLayerInput;
use super::super::layers::relative_bias::Spread;
use super::super::layers::residual::ResidualNorms;
use super::super::layers::rotary::Table;
use super::super::layers::transformer_layer::TransformerLayer;
use super::super::layers::values::{gather_rows, with_values};
use super::super::tensor_names::Side;
use super::super::transformer::Transformer;
use super::attention::{NormAndRotate, PackedAttention};
use super::positions::PackedPositions;
use super::rows::{for_paired_rows, for_rows, normalise, resized};
use crate::kernel::{self, Activation, FeedForward, Finish, Matrix, SimdLevel, Threads};

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
    /// The vectors of tokens in front of the first layer, where later layers need them.
    embedded: Vec<f32>,
}

/// The context that all layers need for a batch.
struct Computation<'a> {
    batch: &'a Batch,
    tables: Vec<Tables>,
    threads: Threads,
    activation: Activation,
}

/// What the layers with one kind of attention share.
struct Tables {
    rotary: Option<Arc<Table>>,
    spread: Option<Arc<Spread>>,
    positions: Option<Arc<PositionTable>>,
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
        let tables = |attention: &Attention| Tables {
            rotary: attention.rotary.as_ref().map(|rotary| rotary.table(longest)),
            spread: attention.relative.as_ref().map(|relative| relative.spread(longest)),
            positions: attention.positions.as_ref().map(|positions| positions.table(longest)),
        };
        let tables = self.attentions.iter().map(tables).collect();
        let computation = Computation { batch, tables, threads, activation: self.activation };
        self.embed_packed(batch, workspace, threads)?;
        let tokens = batch.ids.len();
        if self.layers.iter().any(|layer| layer.per_layer.is_some()) {
            let Workspace { hidden, embedded, .. } = &mut *workspace;
            resized(embedded, tokens * self.layer_width).copy_from_slice(&hidden[..tokens * self.layer_width]);
        }
        for layer in self.depths() {
            let attention = (self.attentions.get(layer.attention), computation.tables.get(layer.attention));
            let (Some(attention), Some(tables)) = attention else { continue };
            layer.forward_packed(&computation, attention, tables, workspace)?;
        }
        if let Some(norm) = &self.last_norm {
            normalise(&mut workspace.hidden[..tokens * self.layer_width], norm.on_cpu(), threads);
        }
        if let Some(projection) = &self.last_projection {
            project(projection, tokens, workspace, threads)?;
        }
        Ok(&workspace.hidden[..tokens * self.width])
    }

    /// Computes the sum of token and position embeddings, normalised.
    fn embed_packed(&self, batch: &Batch, workspace: &mut Workspace, threads: Threads) -> Computed<()> {
        let (tokens, width) = (batch.ids.len(), self.table_width);
        let hidden = resized(&mut workspace.hidden, tokens * width);
        self.token_embeddings.gather(&batch.ids, hidden, width)?;
        if let Some(positions) = &self.positions {
            let added = resized(&mut workspace.next, tokens * width);
            with_values(positions, |table| gather_rows(table, &batch.positions, added, width))?;
            kernel::add_to(SimdLevel::best(), hidden, added);
        }
        if let Some((projection, Side::BeforeNorm)) = &self.projection {
            project(projection, tokens, workspace, threads)?;
        }
        if let Some(norm) = &self.norm {
            let norm = norm.on_cpu();
            normalise(&mut workspace.hidden[..tokens * norm.weight.len()], norm, threads);
        }
        if let Some((projection, Side::BehindNorm)) = &self.projection {
            project(projection, tokens, workspace, threads)?;
        }
        Ok(())
    }
}

/// `activation(x · weight + bias)` for each row of `x`.
pub(in crate::encoder) fn dense(
    layer: &Linear,
    x: &[f32],
    activation: Activation,
    threads: Threads,
) -> Computed<Vec<f32>> {
    let mut out = vec![0.0; x.len() / layer.inputs() * layer.outputs()];
    layer.apply(x, &mut out, activation, threads)?;
    Ok(out)
}

/// Brings the vectors of the tokens to the width of the layers.
fn project(layer: &Linear, tokens: usize, workspace: &mut Workspace, threads: Threads) -> Computed<()> {
    let Workspace { hidden, next, .. } = workspace;
    let out = resized(next, tokens * layer.outputs());
    layer.apply(&hidden[..tokens * layer.inputs()], out, Activation::Identity, threads)?;
    std::mem::swap(hidden, next);
    Ok(())
}

impl TransformerLayer {
    fn forward_packed(
        &self,
        computation: &Computation<'_>,
        attention: &Attention,
        tables: &Tables,
        workspace: &mut Workspace,
    ) -> Computed<()> {
        let Computation { batch, threads, activation, .. } = *computation;
        let tokens = batch.ids.len();
        let columns = self.qkv.outputs();
        let width = self.qkv.inputs();
        let Workspace { hidden, next, input, qkv, inner, gated, scores, .. } = &mut *workspace;

        let x = self.attention_norms.packed_input(&hidden[..tokens * width], input, threads);
        let qkv = resized(qkv, tokens * columns);
        if self.convolution.is_some() {
            self.qkv.product(x, qkv, threads)?;
            // To a convolution, tokens that are not attended to are zeros.
            blank(qkv, columns, &batch.lengths, &batch.attended);
            self.qkv.activate(qkv, Activation::Identity, threads);
        } else {
            self.qkv.apply(x, qkv, Activation::Identity, threads)?;
        }
        let context = resized(inner, tokens * self.attention_output.inputs());
        if let Some(convolution) = &self.convolution {
            convolve(convolution, &batch.lengths, (&*qkv, columns), (&mut *context, width), threads);
        } else {
            let table = tables.rotary.as_deref();
            NormAndRotate { attention, norms: &self.head_norms, table }.apply(qkv, &batch.positions, threads);
            let spread = tables.spread.as_deref();
            let positions = match (&self.positions, &tables.positions) {
                (Some(projections), Some(table)) => Some(PackedPositions::new(projections, table, attention)),
                _ => None,
            };
            let (lengths, attended) = (&batch.lengths, &batch.attended);
            PackedAttention { attention, lengths, attended, values: qkv, spread, positions }
                .apply(context, scores, threads)?;
        }
        self.attention_output.product(context, resized(next, tokens * width), threads)?;
        self.attention_norms.add_residual_packed((hidden, next), &self.attention_output, tokens, threads);

        let x = self.feed_forward_norms.packed_input(&hidden[..tokens * width], input, threads);
        let out = resized(next, tokens * width);
        if !self.both_packed(x, activation, out, threads) {
            let outputs = self.up.outputs();
            let up = resized(inner, tokens * outputs);
            let made = if self.gated {
                self.up.product(x, up, threads)?;
                let out = resized(gated, tokens * outputs / 2);
                let bias = self.up.cpu_bias();
                for_paired_rows((&mut *out, outputs / 2), (&*up, outputs), threads, |out, rows| {
                    kernel::gate(SimdLevel::best(), out, rows, bias, activation);
                });
                out
            } else {
                self.up.apply(x, up, activation, threads)?;
                up
            };
            self.down.product(made, out, threads)?;
        }
        self.feed_forward_norms.add_residual_packed((hidden, next), &self.down, tokens, threads);
        if let Some(per_layer) = &self.per_layer {
            per_layer.add_packed(tokens, workspace, activation, threads)?;
        }
        if let Some(scale) = self.scale {
            for_rows(&mut workspace.hidden[..tokens * width], width, threads, |rows| {
                for x in rows {
                    *x *= scale;
                }
            });
        }
        Ok(())
    }

    /// Computes both layers of the feed-forward sublayer at once, without the last bias, if they are laid out for it.
    fn both_packed(&self, x: &[f32], activation: Activation, out: &mut [f32], threads: Threads) -> bool {
        let (Weight::Packed(up), Weight::Packed(down)) = (self.up.weight(), self.down.weight()) else { return false };
        kernel::feed_forward(x, FeedForward { up, down, activation, gated: self.gated }, out, threads).is_some()
    }
}

impl PerLayerInput {
    /// Adds to the vectors of tokens what this sublayer makes of them and of the token embeddings.
    fn add_packed(
        &self,
        tokens: usize,
        workspace: &mut Workspace,
        activation: Activation,
        threads: Threads,
    ) -> Computed<()> {
        let (width, inner) = (self.gate.inputs(), self.gate.outputs());
        let Workspace { hidden, next, inner: made, gated, embedded, .. } = workspace;
        let made = resized(made, tokens * inner);
        self.input.product(&embedded[..tokens * width], made, threads)?;
        normalise(made, self.input_norm.on_cpu(), threads);
        let gated = resized(gated, tokens * inner);
        self.gate.apply(&hidden[..tokens * width], gated, activation, threads)?;
        for_paired_rows((&mut *gated, inner), (&*made, inner), threads, |rows, other| {
            rows.iter_mut().zip(other).for_each(|(x, y)| *x *= y);
        });
        let out = resized(next, tokens * width);
        self.back.product(gated, out, threads)?;
        normalise(out, self.norm.on_cpu(), threads);
        for_paired_rows((&mut *out, width), (&hidden[..tokens * width], width), threads, |rows, other| {
            kernel::add_to(SimdLevel::best(), rows, other);
        });
        std::mem::swap(hidden, next);
        Ok(())
    }
}

/// Fills the rows of tokens that are not attended to with zeros.
fn blank(mut rows: &mut [f32], columns: usize, lengths: &[usize], attended: &[usize]) {
    for (length, attended) in lengths.iter().zip(attended) {
        let (text, rest) = rows.split_at_mut(length * columns);
        text[attended * columns..].fill(0.0);
        rows = rest;
    }
}

/// Applies a convolution to each text. `gates` and `out` have as many numbers a token as stand beside them.
fn convolve(
    convolution: &Convolution,
    lengths: &[usize],
    (mut gates, columns): (&[f32], usize),
    (mut out, width): (&mut [f32], usize),
    threads: Threads,
) {
    let mut texts = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (text, other) = gates.split_at(length * columns);
        let (rows, rest) = out.split_at_mut(length * width);
        texts.push((text, rows));
        (gates, out) = (other, rest);
    }
    match threads {
        Threads::One => texts.into_iter().for_each(|(text, out)| convolution.forward_text(text, out)),
        Threads::All => texts.into_par_iter().for_each(|(text, out)| convolution.forward_text(text, out)),
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

    /// Adds what the sublayer's last linear layer made, without its bias, to `hidden`. `next` has it, and is swapped with `hidden`.
    fn add_residual_packed(
        &self,
        (hidden, next): (&mut Vec<f32>, &mut Vec<f32>),
        layer: &Linear,
        tokens: usize,
        threads: Threads,
    ) {
        let (width, bias) = (layer.outputs(), layer.cpu_bias());
        let out = &mut next[..tokens * width];
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
    }
}

impl Linear {
    /// `out = x · weight`, without the bias.
    fn product(&self, x: &[f32], out: &mut [f32], threads: Threads) -> Computed<()> {
        match self.weight() {
            Weight::Packed(weights) => {
                kernel::multiply_packed(x, weights, Finish::Plain, out, threads);
                Ok(())
            }
            Weight::Plain(weight) => with_values(weight, |weight| {
                let outputs = self.outputs();
                let (left, right) = (Matrix::of_rows(x, self.inputs()), Matrix::of_rows(weight, outputs));
                kernel::multiply(out, outputs, left, right, 1.0, threads);
                Ok(())
            }),
        }
    }

    /// `out = activation(x · weight + bias)`.
    fn apply(&self, x: &[f32], out: &mut [f32], activation: Activation, threads: Threads) -> Computed<()> {
        match self.weight() {
            Weight::Packed(weights) => {
                kernel::multiply_packed(x, weights, Finish::Activated(activation), out, threads);
            }
            Weight::Plain(_) => {
                self.product(x, out, threads)?;
                self.activate(out, activation, threads);
            }
        }
        Ok(())
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
