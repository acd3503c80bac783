//! Self-attention over a batch.

use std::ops::Range;

use candle_core::{D, DType, Device, Result, Tensor};

use super::super::batch::{Batch, Padding};
use super::disentangled::{PositionProjections, RelativePositions};
use super::norm::Norm;
use super::relative_bias::{RelativeBias, Spread};
use super::rotary::{Rotary, rotate};
use crate::kernel::{Parts, TileLevel};

/// The value added to scores of masked tokens, which is finite so that no row of scores becomes NaN.
const MASKED: f32 = -1e30;

/// One kind of attention: which tokens attend to which, and how scores are computed.
#[derive(Debug)]
pub(in crate::encoder) struct Attention {
    /// Number of heads of queries.
    pub(in crate::encoder) heads: usize,
    /// Number of heads of keys and values, each shared by the same number of query heads.
    pub(in crate::encoder) key_value_heads: usize,
    /// The width of a head.
    pub(in crate::encoder) size: usize,
    /// The factor on scores.
    pub(in crate::encoder) scale: f32,
    /// Whether a token attends only to itself and to earlier tokens.
    pub(in crate::encoder) causal: bool,
    /// The largest distance between tokens that attend to each other.
    pub(in crate::encoder) window: Option<usize>,
    pub(in crate::encoder) rotary: Option<Rotary>,
    pub(in crate::encoder) relative: Option<RelativeBias>,
    /// Which vectors of relative positions queries and keys meet.
    pub(in crate::encoder) positions: Option<RelativePositions>,
    /// Scores are bent towards this bound.
    pub(in crate::encoder) cap: Option<f32>,
    /// How the processor multiplies in bfloat16, if it does.
    pub(in crate::encoder) packing: Option<(TileLevel, Parts)>,
}

/// The norms of a head's query, key and value.
#[derive(Debug, Default)]
pub(in crate::encoder) struct HeadNorms {
    pub(in crate::encoder) query: Option<Norm>,
    pub(in crate::encoder) key: Option<Norm>,
    pub(in crate::encoder) value: Option<Norm>,
}

/// What all layers with one kind of attention share in a padded batch.
pub(in crate::encoder) struct Prepared<'a> {
    attention: &'a Attention,
    /// The number of texts, of rows for each, and the mask of their tokens.
    texts: usize,
    padding: &'a Padding,
    /// The cosines and sines of rotary angles.
    turns: Option<(Tensor, Tensor)>,
    mask: Option<Tensor>,
    /// 0 for queries that have no token to attend to, else 1, of shape texts × 1 × queries × 1; `None` if all have some.
    blank: Option<Tensor>,
    /// The numbers of relative positions.
    positions: Option<Tensor>,
}

impl Attention {
    /// The total width of a token's query, key and value.
    pub(in crate::encoder) fn columns(&self) -> usize {
        (self.heads + 2 * self.key_value_heads) * self.size
    }

    /// Whether some tokens do not attend to all others.
    pub(in crate::encoder) fn is_masked(&self) -> bool {
        self.causal || self.window.is_some()
    }

    /// The tokens that token `query` of a text attends to.
    pub(in crate::encoder) fn keys(&self, query: usize, length: usize) -> Range<usize> {
        let window = self.window.unwrap_or(length);
        let end = if self.causal { query + 1 } else { query.saturating_add(window).saturating_add(1) };
        query.saturating_sub(window)..end.min(length)
    }

    /// Prepares a padded batch.
    pub(in crate::encoder) fn prepare<'a>(
        &'a self,
        batch: &Batch,
        padding: &'a Padding,
        device: &Device,
    ) -> Result<Prepared<'a>> {
        let longest = padding.width;
        let table = self.rotary.as_ref().map(|rotary| rotary.table(longest));
        let mask = if self.is_masked() && longest > 1 { Some(self.mask(longest, device)?) } else { None };
        Ok(Prepared {
            attention: self,
            texts: batch.lengths.len(),
            padding,
            turns: table.map(|table| table.tensors(longest, device)).transpose()?,
            mask,
            blank: self.blank(batch, longest, device)?,
            positions: self.positions.as_ref().map(|it| it.table(longest).tensor(longest, device)).transpose()?,
        })
    }

    /// The mask that is added to the scores of a text of `length` tokens, of shape 1 × 1 × queries × keys.
    fn mask(&self, length: usize, device: &Device) -> Result<Tensor> {
        let mut values = vec![MASKED; length * length];
        for (query, row) in values.chunks_exact_mut(length).enumerate() {
            row[self.keys(query, length)].fill(0.0);
        }
        Tensor::from_vec(values, (1, 1, length, length), device)
    }

    /// A factor for the attention of tokens that may have none to attend to.
    fn blank(&self, batch: &Batch, longest: usize, device: &Device) -> Result<Option<Tensor>> {
        let texts = || batch.lengths.iter().zip(&batch.attended);
        let is_blank =
            |at: usize, length: usize, attended: usize| self.keys(at, length).start >= attended && at < length;
        if !self.is_masked()
            || texts().all(|(&length, &attended)| !is_blank(length.saturating_sub(1), length, attended))
        {
            return Ok(None);
        }
        let of_text = |(&length, &attended): (&usize, &usize)| {
            (0..longest).map(move |at| if is_blank(at, length, attended) { 0f32 } else { 1.0 }).collect::<Vec<_>>()
        };
        let values: Vec<f32> = texts().flat_map(of_text).collect();
        Tensor::from_vec(values, (batch.lengths.len(), 1, longest, 1), device).map(Some)
    }

    /// The relative bias of every head, query and key.
    fn spread(&self, relative: &Spread, length: usize, device: &Device) -> Result<Tensor> {
        let mut values = Vec::with_capacity(self.heads * length * length);
        for head in 0..self.heads {
            for row in 0..length {
                values.extend_from_slice(relative.row(head, row, length));
            }
        }
        Tensor::from_vec(values, (1, self.heads, length, length), device)
    }
}

impl Prepared<'_> {
    /// How the texts of the batch are padded.
    pub(in crate::encoder) fn padding(&self) -> &Padding {
        self.padding
    }

    /// `qkv` holds the query, the key and the value of a token in each row; the result has one vector for each token. `norms` are those
    /// of a query's head, of a key's and of a value's, `positions` what they meet besides. Softmax in float32 whatever the format of the rest.
    pub(in crate::encoder) fn forward(
        &self,
        qkv: &Tensor,
        norms: &HeadNorms,
        positions: Option<&PositionProjections>,
    ) -> Result<Tensor> {
        let Attention { heads, key_value_heads, size, scale, .. } = *self.attention;
        let (texts, length) = (self.texts, self.padding.width);
        let split = qkv.reshape((texts, length, heads + 2 * key_value_heads, size))?;
        let part = |start, count, norm: Option<&Norm>, turns: Option<&(Tensor, Tensor)>| {
            let mut part = split.narrow(2, start, count)?.contiguous()?;
            if let Some(norm) = norm {
                part = norm.forward(&part)?;
            }
            let part = part.transpose(1, 2)?;
            turns.map_or_else(|| part.contiguous(), |turns| rotate(&part, turns))
        };
        let turns = self.turns.as_ref();
        let (query, key, value) = (
            part(0, heads, norms.query.as_ref(), turns)?,
            part(heads, key_value_heads, norms.key.as_ref(), turns)?,
            part(heads + key_value_heads, key_value_heads, norms.value.as_ref(), None)?,
        );
        let of_positions = match (positions, &self.positions) {
            (Some(positions), Some(numbers)) => Some(positions.scores(&query, &key, numbers, scale)?),
            _ => None,
        };
        // The queries of heads that share a key are stacked.
        let query =
            (query * f64::from(scale))?.reshape((texts, key_value_heads, heads / key_value_heads * length, size))?;
        let scores = query.matmul(&key.transpose(D::Minus2, D::Minus1)?)?.to_dtype(DType::F32)?;
        let mut scores = scores.reshape((texts, heads, length, length))?;
        if let Some(of_positions) = of_positions {
            scores = (scores + of_positions)?;
        }
        if let Some(relative) = &self.attention.relative {
            let spread = relative.spread(length);
            scores = scores.broadcast_add(&self.attention.spread(&spread, length, qkv.device())?)?;
        }
        if let Some(cap) = self.attention.cap {
            scores = ((scores / f64::from(cap))?.tanh()? * f64::from(cap))?;
        }
        for mask in [&self.mask, &self.padding.mask].into_iter().flatten() {
            scores = scores.broadcast_add(mask)?;
        }
        let mut weights = candle_nn::ops::softmax_last_dim(&scores)?;
        if let Some(blank) = &self.blank {
            weights = weights.broadcast_mul(blank)?;
        }
        let weights = weights.to_dtype(qkv.dtype())?;
        let weights = weights.reshape((texts, key_value_heads, heads / key_value_heads * length, length))?;
        let mixed = weights.matmul(&value)?.reshape((texts, heads, length, size))?;
        mixed.transpose(1, 2)?.reshape((texts * length, heads * size))
    }
}
