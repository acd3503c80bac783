//! Sparse autoencoders: a dense embedding becomes the greatest of many more latent dimensions.

use candle_core::Tensor;

use super::error::Error;
use super::layers::linear::Linear;
use super::source::Loader;
use super::sparse_embeddings::{SparseVector, keep};
use crate::checkpoint::Module;

/// The kind of the module.
pub(super) const KIND: &str = "SparseAutoEncoder";

/// The names of the weights.
const WEIGHTS: [&str; 2] = ["encoder.weight", "decoder.linear.weight"];

/// The epsilon that is added to a deviation.
const EPSILON: f32 = 1e-5;

/// sentence-transformers' `SparseAutoEncoder`, of which only the encoder matters here.
#[derive(Debug)]
pub(super) struct SparseAutoEncoder {
    before: Vec<f32>,
    layer: Linear,
    after: Vec<f32>,
    /// The number of latents that are kept.
    most: usize,
    normalizes: bool,
}

impl SparseAutoEncoder {
    /// Loads the module behind embeddings of `dimension`. `most` overrides its own number of latents.
    pub(super) fn load(
        loader: &Loader<'_>,
        module: &Module,
        dimension: usize,
        most: Option<usize>,
    ) -> Result<Self, Error> {
        let path = loader.path.join("config.json");
        // The decoder is the encoder's transpose, and a file has their weights once.
        let weight = WEIGHTS.into_iter().find(|name| loader.has(name)).unwrap_or(WEIGHTS[0]);
        let (latents, _) = loader.dimensions(weight)?;
        let stated = module.config.get("k").and_then(serde_json::Value::as_u64).unwrap_or(8);
        let own = usize::try_from(stated).ok().filter(|k| *k > 0);
        let own = own.ok_or_else(|| Error::setting(&path, format!("`k` is {stated}, expected a positive integer")))?;
        Ok(Self {
            before: loader.values("pre_bias", &[dimension])?,
            layer: Linear::of_names(loader, (weight, None), dimension, latents)?,
            after: loader.values("latent_bias", &[latents])?,
            most: most.unwrap_or(own).min(latents),
            normalizes: module.config.get("normalize").and_then(serde_json::Value::as_bool).unwrap_or(false),
        })
    }

    /// The number of latent dimensions.
    pub(super) fn latents(&self) -> usize {
        self.after.len()
    }

    /// The latents of embeddings that stand one after another.
    pub(super) fn forward(
        &self,
        mut embeddings: Vec<f32>,
        device: &candle_core::Device,
    ) -> Result<Vec<SparseVector>, Error> {
        let dimension = self.before.len();
        for row in embeddings.chunks_exact_mut(dimension.max(1)) {
            if self.normalizes {
                standardise(row);
            }
            row.iter_mut().zip(&self.before).for_each(|(x, bias)| *x -= bias);
        }
        let rows = embeddings.len() / dimension.max(1);
        let rows = Tensor::from_vec(embeddings, (rows, dimension), device)?;
        let latents = self.layer.multiply(&rows)?.to_vec2::<f32>()?;
        let sparse = |row: Vec<f32>| {
            let mut all: SparseVector = (0..).zip(row.iter().zip(&self.after).map(|(x, bias)| x + bias)).collect();
            // What is not a number stays, to be refused, and what is negative does not count.
            all.retain(|(_, x)| *x > 0.0 || x.is_nan());
            keep(&mut all, Some(self.most));
            all
        };
        Ok(latents.into_iter().map(sparse).collect())
    }
}

/// Brings a row to mean 0 and deviation 1.
fn standardise(row: &mut [f32]) {
    let count = row.len() as f32;
    let mean = row.iter().sum::<f32>() / count;
    for x in &mut *row {
        *x -= mean;
    }
    let deviation = (row.iter().map(|x| x * x).sum::<f32>() / (count - 1.0)).sqrt();
    for x in &mut *row {
        *x /= deviation + EPSILON;
    }
}
