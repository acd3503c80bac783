//! One layer of a transformer: attention and the feed-forward network, each with its residual connection.

use candle_core::{Result as Computed, Tensor};

use super::super::config::Config;
use super::super::error::Error;
use super::super::source::Loader;
use super::super::tensor_names::{Names, Norms, Up};
use super::attention::Prepared;
use super::linear::Linear;
use super::norm::Norm;
use super::residual::ResidualNorms;
use crate::kernel::Activation;

/// One layer.
#[derive(Debug)]
pub(in crate::encoder) struct TransformerLayer {
    /// The index of its kind of attention.
    pub(in crate::encoder) attention: usize,
    /// The projections to query, key and value as one layer.
    pub(in crate::encoder) qkv: Linear,
    pub(in crate::encoder) head_norms: Option<[Norm; 2]>,
    pub(in crate::encoder) attention_output: Linear,
    pub(in crate::encoder) attention_norms: ResidualNorms,
    pub(in crate::encoder) up: Linear,
    pub(in crate::encoder) gated: bool,
    pub(in crate::encoder) down: Linear,
    pub(in crate::encoder) feed_forward_norms: ResidualNorms,
}

impl TransformerLayer {
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        config: &Config,
        names: &Names,
        layer: usize,
        (width, size): (usize, usize),
    ) -> Result<Self, Error> {
        let name = |part: &str| format!("{}.{layer}.{part}", names.layers);
        let (queries, keys) = (config.heads * size, config.key_value_heads * size);
        let qkv: Vec<String> = names.qkv.iter().map(|part| name(part)).collect();
        let parts: Vec<(&str, usize)> = match qkv.as_slice() {
            [all] => vec![(all, queries + 2 * keys)],
            parts => parts.iter().map(String::as_str).zip([queries, keys, keys]).collect(),
        };
        let (up, inner) = Linear::up(loader, &names.up, name, width, config.biases.up)?;
        let head_norm = |part: &str| Norm::load(loader, &name(part), size, config.norm);
        let residual_norms = |norms: &Norms| ResidualNorms::load(loader, config, norms, layer, name, width);
        Ok(Self {
            attention: config.layer_patterns.get(layer).copied().unwrap_or(0),
            qkv: Linear::concatenated(loader, &parts, width, config.biases.qkv)?,
            head_norms: match names.head_norms {
                Some([query, key]) => Some([head_norm(query)?, head_norm(key)?]),
                None => None,
            },
            attention_output: Linear::load(
                loader,
                &name(names.attention_output),
                queries,
                width,
                config.biases.attention_output,
            )?,
            attention_norms: residual_norms(&names.attention_norms)?,
            up,
            gated: !matches!(names.up, Up::Plain(_)),
            down: Linear::load(loader, &name(names.down), inner, width, config.biases.down)?,
            feed_forward_norms: residual_norms(&names.feed_forward_norms)?,
        })
    }

    pub(in crate::encoder) fn forward(
        &self,
        x: &Tensor,
        attention: &Prepared<'_>,
        activation: Activation,
    ) -> Computed<Tensor> {
        let input = self.attention_norms.sublayer_input(x)?;
        let qkv = self.qkv.forward(&input, Activation::Identity)?;
        let context = attention.forward(&qkv, self.head_norms.as_ref())?;
        let x = self.attention_norms.add_residual(x, &self.attention_output, &context)?;
        let input = self.feed_forward_norms.sublayer_input(&x)?;
        let inner =
            if self.gated { self.up.gated(&input, activation)? } else { self.up.forward(&input, activation)? };
        self.feed_forward_norms.add_residual(&x, &self.down, &inner)
    }
}
