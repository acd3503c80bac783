//! A sublayer that mixes what each layer makes of the token embeddings in, as `EmbeddingGemma` 2 has it.

use candle_core::{Result as Computed, Tensor};

use super::super::config::Config;
use super::super::error::Error;
use super::super::source::Loader;
use super::super::tensor_names::PerLayerNames;
use super::linear::Linear;
use super::norm::Norm;
use crate::kernel::Activation;

/// A gate on the vectors of tokens, times what the layer makes of the token embeddings.
#[derive(Debug)]
pub(in crate::encoder) struct PerLayerInput {
    /// From token embeddings to the layer's input, and the norm of it.
    pub(in crate::encoder) input: Linear,
    pub(in crate::encoder) input_norm: Norm,
    pub(in crate::encoder) gate: Linear,
    /// Back to the width of the layers.
    pub(in crate::encoder) back: Linear,
    pub(in crate::encoder) norm: Norm,
}

/// The weights that make the inputs of all layers from token embeddings: the rows of one layer after those of another.
#[derive(Debug)]
pub(in crate::encoder) struct InputWeights {
    values: Vec<f32>,
    /// Rows of each layer.
    rows: usize,
}

impl InputWeights {
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        config: &Config,
        names: &PerLayerNames,
        width: usize,
    ) -> Result<Self, Error> {
        let name = format!("{}.weight", names.inputs);
        let (rows, _) = loader.dimensions(&name)?;
        let layers = config.layers.max(1);
        if rows % layers != 0 {
            let problem = format!("`{name}` has {rows} rows, expected as many for each of {layers} layers");
            return Err(Error::setting(&loader.path.join("model.safetensors"), problem));
        }
        let scale = 1.0 / (width as f32).sqrt();
        let values = loader.values(&name, &[rows, width])?.into_iter().map(|x| x * scale).collect();
        Ok(Self { values, rows: rows / layers })
    }
}

impl PerLayerInput {
    /// Loads the sublayer of the layer of that number, whose names start with `prefix`.
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        config: &Config,
        names: &PerLayerNames,
        inputs: &InputWeights,
        (layer, prefix): (usize, &str),
        width: usize,
    ) -> Result<Self, Error> {
        let (rows, name) = (inputs.rows, |part: &str| format!("{prefix}.{part}"));
        let own = inputs.values.chunks_exact(rows * width).nth(layer).unwrap_or_default();
        Ok(Self {
            input: Linear::place(loader, own, Vec::new(), width, &[])?,
            input_norm: Norm::load(loader, names.input_norm, rows, config.norm)?,
            gate: Linear::load(loader, &name(names.gate), width, rows, false)?,
            back: Linear::load(loader, &name(names.back), rows, width, false)?,
            norm: Norm::load(loader, &name(names.norm), width, config.norm)?,
        })
    }

    /// The vectors of tokens after this sublayer.
    pub(in crate::encoder) fn forward(
        &self,
        x: &Tensor,
        embedded: &Tensor,
        activation: Activation,
    ) -> Computed<Tensor> {
        let input = self.input_norm.forward(&self.input.forward(embedded, Activation::Identity)?)?;
        let gated = (self.gate.forward(x, activation)? * input)?;
        x + self.norm.forward(&self.back.forward(&gated, Activation::Identity)?)?
    }
}
