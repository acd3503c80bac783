//! Residual connections with their norms.

use candle_core::{Result as Computed, Tensor};

use super::super::config::Config;
use super::super::error::Error;
use super::super::source::Loader;
use super::super::tensor_names::Norms;
use super::linear::Linear;
use super::norm::Norm;
use crate::kernel::Activation;

/// Residual connection and normalisation of a sublayer: attention, or the feed-forward network.
#[derive(Debug)]
pub(in crate::encoder) struct ResidualNorms {
    pub(in crate::encoder) before: Option<Norm>,
    pub(in crate::encoder) within: Option<Norm>,
    pub(in crate::encoder) after: Option<Norm>,
}

impl ResidualNorms {
    pub(in crate::encoder) fn load(
        loader: &Loader<'_>,
        config: &Config,
        names: &Norms,
        layer: usize,
        name: impl Fn(&str) -> String,
        width: usize,
    ) -> Result<Self, Error> {
        let norm =
            |part: Option<&str>| part.map(|part| Norm::load(loader, &name(part), width, config.norm)).transpose();
        let before = names.before.filter(|_| layer > 0 || !names.bare_start);
        Ok(Self { before: norm(before)?, within: norm(names.within)?, after: norm(names.after)? })
    }

    /// The input of the sublayer.
    pub(in crate::encoder) fn sublayer_input(&self, x: &Tensor) -> Computed<Tensor> {
        self.before.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(x))
    }

    /// Applies the sublayer's last linear layer to `inner` and adds the result to `x`.
    pub(in crate::encoder) fn add_residual(&self, x: &Tensor, layer: &Linear, inner: &Tensor) -> Computed<Tensor> {
        let mut out = layer.forward(inner, Activation::Identity)?;
        if let Some(norm) = &self.within {
            out = norm.forward(&out)?;
        }
        let sum = (out + x)?;
        self.after.as_ref().map_or(Ok(sum.clone()), |norm| norm.forward(&sum))
    }
}
