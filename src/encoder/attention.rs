//! Self-attention over a batch.

use candle_core::{D, DType, Result, Tensor};

use super::batch::{Batch, Padding};
use super::fused::PackedAttention;
use super::relative::RelativeBias;

/// The heads of one layer, and the bias by distance if the class has one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attention<'a> {
    pub(super) heads: usize,
    pub(super) relative: Option<&'a RelativeBias>,
}

impl Attention<'_> {
    /// `joined` holds in each row the query, the key and the value of a token; the result one vector a token.
    pub(super) fn forward(self, joined: &Tensor, batch: &Batch) -> Result<Tensor> {
        let Self { heads, relative } = self;
        match &batch.padding {
            None => joined.apply_op1_no_bwd(&PackedAttention { lengths: &batch.lengths, heads, relative }),
            Some(padding) => self.padded(joined, batch.lengths.len(), padding),
        }
    }

    /// Softmax in float32 whatever the format of the rest.
    fn padded(self, joined: &Tensor, texts: usize, padding: &Padding) -> Result<Tensor> {
        let (rows, columns) = joined.dims2()?;
        let width = columns / 3;
        let size = width / self.heads;
        let split = joined.reshape((texts, padding.width, 3, self.heads, size))?;
        let part = |index| split.narrow(2, index, 1)?.squeeze(2)?.transpose(1, 2)?.contiguous();
        let (query, key, value) = (part(0)?, part(1)?, part(2)?);
        let query = (query * (1.0 / (size as f64).sqrt()))?;
        let mut scores = query.matmul(&key.transpose(D::Minus2, D::Minus1)?)?.to_dtype(DType::F32)?;
        if let Some(relative) = self.relative {
            scores = scores.broadcast_add(&self.spread(relative, padding.width, joined)?)?;
        }
        if let Some(mask) = &padding.mask {
            scores = scores.broadcast_add(mask)?;
        }
        let weights = candle_nn::ops::softmax_last_dim(&scores)?.to_dtype(joined.dtype())?;
        weights.matmul(&value)?.transpose(1, 2)?.reshape((rows, width))
    }

    /// The bias of every head, query and key.
    fn spread(self, relative: &RelativeBias, length: usize, like: &Tensor) -> Result<Tensor> {
        let mut values = Vec::with_capacity(self.heads * length * length);
        for head in 0..self.heads {
            for row in 0..length {
                values.extend_from_slice(relative.row(head, row, length));
            }
        }
        Tensor::from_vec(values, (1, self.heads, length, length), like.device())
    }
}
