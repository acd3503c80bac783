//! Disentangled attention: scores that depend on the relative positions of two tokens, as `deberta-v2` has it.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{D, DType, Device, Result as Computed, Tensor};

use super::super::config::{Config, Disentangled, NormStyle};
use super::super::error::Error;
use super::super::source::Loader;
use super::linear::Linear;
use super::norm::Norm;
use crate::kernel::Activation;

/// Tables are made for at least so many tokens.
const LEAST: usize = 128;

/// The vector of a relative position that belongs to each distance.
#[derive(Debug)]
pub(in crate::encoder) struct RelativePositions {
    shape: Disentangled,
    table: Mutex<Arc<PositionTable>>,
}

/// The number of the vector for every distance up to some length.
#[derive(Debug, Default)]
pub(in crate::encoder) struct PositionTable {
    longest: usize,
    /// `2 · longest − 1` numbers, for distances from `1 − longest` (a key far behind) on.
    numbers: Vec<u32>,
}

impl RelativePositions {
    pub(in crate::encoder) fn new(shape: Disentangled) -> Self {
        Self { shape, table: Mutex::default() }
    }

    /// The numbers for texts of up to `length` tokens, or more.
    pub(in crate::encoder) fn table(&self, length: usize) -> Arc<PositionTable> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.longest < length {
            let longest = length.max(LEAST).next_power_of_two();
            let numbers = (0..2 * longest - 1).map(|at| number(&self.shape, longest - 1, at)).collect();
            *table = Arc::new(PositionTable { longest, numbers });
        }
        Arc::clone(&table)
    }
}

impl PositionTable {
    /// The numbers for query `row` and keys `0..length`.
    pub(in crate::encoder) fn row(&self, row: usize, length: usize) -> &[u32] {
        let start = self.longest - 1 - row;
        &self.numbers[start..start + length]
    }

    /// Queries × keys of a text of `length` tokens.
    pub(in crate::encoder) fn tensor(&self, length: usize, device: &Device) -> Computed<Tensor> {
        let numbers: Vec<u32> = (0..length).flat_map(|row| self.row(row, length).iter().copied()).collect();
        Tensor::from_vec(numbers, (1, 1, length, length), device)
    }
}

/// The number of the vector for a key `at` and a query `query`, both counted from the same token.
fn number(shape: &Disentangled, query: usize, at: usize) -> u32 {
    let distance = query.abs_diff(at);
    let bucket = shape.farthest.map_or(distance, |farthest| bucket(distance, shape.span, farthest));
    let number = if at > query { shape.span.saturating_sub(bucket) } else { shape.span + bucket };
    number.min(2 * shape.span - 1) as u32
}

/// Distances up to half of the span have a bucket each, the others grow by a constant factor; in float32, as torch computes them.
#[expect(clippy::cast_sign_loss, reason = "logarithms of distances beyond the middle are positive")]
fn bucket(distance: usize, span: usize, farthest: usize) -> usize {
    let middle = span / 2;
    if distance <= middle {
        return distance;
    }
    let grown = libm::logf(((farthest - 1) as f64 / middle as f64) as f32);
    let steps = libm::logf(distance as f32 / middle as f32) / grown * (middle - 1) as f32;
    steps.ceil() as usize + middle
}

/// The vectors of relative positions, as one layer's queries and keys meet them: rows for the numbers of
/// [`PositionTable`], one head after the other in each.
#[derive(Debug)]
pub(in crate::encoder) struct PositionProjections {
    /// What queries meet.
    pub(in crate::encoder) keys: Option<Tensor>,
    /// What keys meet.
    pub(in crate::encoder) queries: Option<Tensor>,
}

/// The vectors of relative positions, which all layers share.
pub(in crate::encoder) fn load_vectors(
    loader: &Loader<'_>,
    config: &Config,
    shape: &Disentangled,
    width: usize,
) -> Result<Tensor, Error> {
    let size = [2 * shape.span, width];
    let vectors = loader.place(loader.values("encoder.rel_embeddings.weight", &size)?, &size)?;
    if !shape.normalised {
        return Ok(vectors);
    }
    let norm: NormStyle = config.norm;
    Ok(Norm::load(loader, "encoder.LayerNorm", width, norm)?.forward(&vectors)?)
}

impl PositionProjections {
    /// Projects `vectors` by the weights of the layer whose names start with `layer`.
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        shape: &Disentangled,
        vectors: &Tensor,
        layer: &str,
        outputs: usize,
    ) -> Result<Self, Error> {
        let inputs = vectors.dim(D::Minus1)?;
        let project = |wanted: bool, own: &str, shared: &str| {
            let name = format!("{layer}.attention.self.{}", if shape.shared { shared } else { own });
            let project = || {
                let linear = Linear::load(loader, &name, inputs, outputs, true)?;
                Ok::<_, Error>(linear.forward(vectors, Activation::Identity)?.contiguous()?)
            };
            wanted.then(project).transpose()
        };
        Ok(Self {
            keys: project(shape.content_to_position, "pos_key_proj", "key_proj")?,
            queries: project(shape.position_to_content, "pos_query_proj", "query_proj")?,
        })
    }

    /// What positions add to the scores of a padded batch, texts × heads × queries × keys. `query` and `key` are texts × heads ×
    /// tokens × width; `numbers` is [`PositionTable::tensor`].
    pub(in crate::encoder) fn scores(
        &self,
        query: &Tensor,
        key: &Tensor,
        numbers: &Tensor,
        scale: f32,
    ) -> Computed<Tensor> {
        let (texts, heads, length, size) = query.dims4()?;
        let shape = (texts, heads, length, length);
        let meet = |tokens: &Tensor, positions: &Tensor, numbers: Tensor| {
            let rows = positions.dim(0)?;
            let positions = positions.reshape((1, rows, heads, size))?.permute((0, 2, 3, 1))?.contiguous()?;
            let products = tokens.contiguous()?.broadcast_matmul(&positions)?.to_dtype(DType::F32)?;
            products.gather(&numbers.broadcast_as(shape)?.contiguous()?, D::Minus1)
        };
        let mut sum = Tensor::zeros(shape, DType::F32, query.device())?;
        if let Some(positions) = &self.keys {
            sum = (sum + meet(query, positions, numbers.clone())?)?;
        }
        if let Some(positions) = &self.queries {
            let met = meet(key, positions, numbers.transpose(2, 3)?)?;
            sum = (sum + met.transpose(2, 3)?)?;
        }
        sum * f64::from(scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(span: usize, farthest: Option<usize>) -> Disentangled {
        Disentangled {
            span,
            farthest,
            content_to_position: true,
            position_to_content: true,
            shared: true,
            normalised: true,
        }
    }

    #[test]
    fn near_distances_have_a_vector_each_and_far_ones_share_them() {
        let positions = RelativePositions::new(shape(4, None));
        assert_eq!(positions.table(9).row(0, 9), [4, 3, 2, 1, 0, 0, 0, 0, 0]);
        assert_eq!(positions.table(9).row(8, 9), [7, 7, 7, 7, 7, 7, 6, 5, 4]);
        // As transformers computes them for the sizes of published models.
        let buckets = [128, 129, 130, 131, 200, 300, 511].map(|distance| bucket(distance, 256, 512));
        assert_eq!(buckets, [128, 129, 130, 131, 169, 207, 255]);
    }
}
