//! One layer of a transformer: attention and the feed-forward network, each with its residual connection.

use candle_core::{Result as Computed, Tensor};

use super::super::config::{Config, Distance};
use super::super::error::Error;
use super::super::source::Loader;
use super::super::tensor_names::{ConvolutionNames, Norms, Up};
use super::attention::{HeadNorms, Prepared};
use super::convolution::Convolution;
use super::disentangled::{PositionProjections, load_vectors};
use super::linear::Linear;
use super::norm::Norm;
use super::per_layer::{InputWeights, PerLayerInput};
use super::residual::ResidualNorms;
use crate::kernel::Activation;

/// One layer.
#[derive(Debug)]
pub(in crate::encoder) struct TransformerLayer {
    /// The index of its kind of attention.
    pub(in crate::encoder) attention: usize,
    /// The projections to query, key and value as one layer.
    pub(in crate::encoder) qkv: Linear,
    pub(in crate::encoder) head_norms: HeadNorms,
    /// What stands where attention would.
    pub(in crate::encoder) convolution: Option<Convolution>,
    /// The relative positions that queries and keys meet.
    pub(in crate::encoder) positions: Option<PositionProjections>,
    pub(in crate::encoder) attention_output: Linear,
    pub(in crate::encoder) attention_norms: ResidualNorms,
    pub(in crate::encoder) up: Linear,
    pub(in crate::encoder) gated: bool,
    pub(in crate::encoder) down: Linear,
    pub(in crate::encoder) feed_forward_norms: ResidualNorms,
    pub(in crate::encoder) per_layer: Option<PerLayerInput>,
    /// What the result is multiplied by.
    pub(in crate::encoder) scale: Option<f32>,
}

/// What layers are made from besides tensors of their own.
#[derive(Debug)]
pub(in crate::encoder) struct Shared {
    /// The vectors of relative positions.
    pub(in crate::encoder) positions: Option<Tensor>,
    /// The weights that make the layers' inputs from token embeddings.
    pub(in crate::encoder) inputs: Option<InputWeights>,
}

impl Shared {
    /// Loads them for layers of this width.
    pub(in crate::encoder) fn load(loader: &Loader<'_>, config: &Config, width: usize) -> Result<Self, Error> {
        Ok(Self {
            positions: match &config.distance {
                Some(Distance::Disentangled(shape)) => Some(load_vectors(loader, config, shape, width)?),
                _ => None,
            },
            inputs: match &config.names.per_layer {
                Some(names) => Some(InputWeights::load(loader, config, names, width)?),
                None => None,
            },
        })
    }
}

impl TransformerLayer {
    /// Loads the layer of that number.
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        config: &Config,
        layer: usize,
        (width, size): (usize, usize),
        shared: &Shared,
    ) -> Result<Self, Error> {
        let names = config.names;
        let pattern = config.layer_patterns.get(layer).copied().unwrap_or(0);
        let prefix = names.layer(layer, config.group);
        let name = |part: &str| format!("{prefix}.{part}");
        let (up, inner) = Linear::up(loader, &names.up, name, width, config.biases.up)?;
        let residual_norms = |norms: &Norms| ResidualNorms::load(loader, config, norms, layer, name, width);
        let mixing = match &names.convolution {
            Some(names) if config.convolutions.0.contains(&layer) => {
                Mixing::convolution(loader, names, name, width, config.convolutions.1)?
            }
            _ => {
                let heads = config.heads_of(pattern, size);
                Mixing::attention(loader, config, &prefix, (width, heads), shared.positions.as_ref())?
            }
        };
        let per_layer = match (&names.per_layer, &shared.inputs) {
            (Some(names), Some(inputs)) => {
                Some(PerLayerInput::load(loader, config, names, inputs, (layer, &prefix), width)?)
            }
            _ => None,
        };
        let scale = names.layer_scale.map(|part| loader.values(&name(part), &[1])).transpose()?;
        Ok(Self {
            attention: pattern,
            qkv: mixing.input,
            head_norms: mixing.head_norms,
            convolution: mixing.convolution,
            positions: mixing.positions,
            attention_output: mixing.output,
            attention_norms: residual_norms(&names.attention_norms)?,
            up,
            gated: !matches!(names.up, Up::Plain(_)),
            down: Linear::load(loader, &name(names.down), inner, width, config.biases.down)?,
            feed_forward_norms: residual_norms(&names.feed_forward_norms)?,
            per_layer,
            scale: scale.and_then(|scale| scale.first().copied()),
        })
    }

    /// The vectors of tokens behind this layer. `embedded` are those in front of the first.
    pub(in crate::encoder) fn forward(
        &self,
        x: &Tensor,
        embedded: &Tensor,
        attention: &Prepared<'_>,
        activation: Activation,
    ) -> Computed<Tensor> {
        let mut input = self.attention_norms.sublayer_input(x)?;
        if let Some(mask) = attention.padding().mask.as_ref().filter(|_| self.convolution.is_some()) {
            // To a convolution, tokens that are not attended to are zeros.
            let attended = mask.ge(0.0)?.to_dtype(input.dtype())?.reshape((input.dim(0)?, 1))?;
            input = input.broadcast_mul(&attended)?;
        }
        let qkv = self.qkv.forward(&input, Activation::Identity)?;
        let context = match &self.convolution {
            Some(convolution) => convolution.forward(&qkv, attention.padding())?,
            None => attention.forward(&qkv, &self.head_norms, self.positions.as_ref())?,
        };
        let x = self.attention_norms.add_residual(x, &self.attention_output, &context)?;
        let input = self.feed_forward_norms.sublayer_input(&x)?;
        let inner =
            if self.gated { self.up.gated(&input, activation)? } else { self.up.forward(&input, activation)? };
        let mut x = self.feed_forward_norms.add_residual(&x, &self.down, &inner)?;
        if let Some(per_layer) = &self.per_layer {
            x = per_layer.forward(&x, embedded, activation)?;
        }
        self.scale.map_or(Ok(x.clone()), |scale| x * f64::from(scale))
    }
}

/// What brings the tokens of a text together: attention, or a convolution.
struct Mixing {
    input: Linear,
    head_norms: HeadNorms,
    convolution: Option<Convolution>,
    positions: Option<PositionProjections>,
    output: Linear,
}

impl Mixing {
    fn convolution(
        loader: &Loader<'_>,
        names: &ConvolutionNames,
        name: impl Fn(&str) -> String,
        width: usize,
        biased: bool,
    ) -> Result<Self, Error> {
        Ok(Self {
            input: Linear::load(loader, &name(names.input), width, 3 * width, biased)?,
            head_norms: HeadNorms::default(),
            convolution: Some(Convolution::load(loader, &name(names.convolution), width, biased)?),
            positions: None,
            output: Linear::load(loader, &name(names.output), width, width, biased)?,
        })
    }

    fn attention(
        loader: &Loader<'_>,
        config: &Config,
        prefix: &str,
        (width, (key_value_heads, size)): (usize, (usize, usize)),
        positions: Option<&Tensor>,
    ) -> Result<Self, Error> {
        let (names, biases) = (config.names, config.biases);
        let name = |part: &str| format!("{prefix}.{part}");
        let (queries, keys) = (config.heads * size, key_value_heads * size);
        let qkv: Vec<String> = names.qkv.iter().map(|part| name(part)).collect();
        let parts: Vec<(&str, usize)> = match qkv.as_slice() {
            [all] => vec![(all, queries + 2 * keys)],
            parts => parts.iter().map(String::as_str).zip([queries, keys, keys]).collect(),
        };
        let head_norm = |part: &str| Norm::load(loader, &name(part), size, config.norm);
        let positions = match (config.distance, positions) {
            (Some(Distance::Disentangled(shape)), Some(vectors)) => {
                Some(PositionProjections::load(loader, &shape, vectors, prefix, queries)?)
            }
            _ => None,
        };
        Ok(Self {
            input: Linear::concatenated(loader, &parts, width, biases.qkv)?,
            head_norms: HeadNorms {
                query: names.head_norms.map(|[query, _]| head_norm(query)).transpose()?,
                key: names.head_norms.map(|[_, key]| head_norm(key)).transpose()?,
                value: config.value_norms.then(|| Norm::bare(loader, size, config.norm)).transpose()?,
            },
            convolution: None,
            positions,
            output: Linear::load(loader, &name(names.attention_output), queries, width, biases.attention_output)?,
        })
    }
}
