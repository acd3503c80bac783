//! Transformers, which turn token ids into one vector for each token.

use candle_core::{Result as Computed, Tensor};

use super::batch::{Batch, Padding};
use super::config::{Config, Pattern, Position};
use super::error::Error;
use super::layers::attention::{Attention, Prepared};
use super::layers::norm::Norm;
use super::layers::relative_bias::{BUCKETS, RelativeBias};
use super::layers::rotary::Rotary;
use super::layers::token_embeddings::TokenEmbeddings;
use super::layers::token_types::with_each_type;
use super::layers::transformer_layer::TransformerLayer;
use super::source::Loader;
use super::tensor_names::Names;
use crate::kernel::Activation;

/// A transformer.
#[derive(Debug)]
pub(super) struct Transformer {
    pub(super) token_embeddings: TokenEmbeddings,
    /// One row for each position. If tokens have types, these rows once for each type, with its vector added.
    pub(super) positions: Option<Tensor>,
    pub(super) norm: Option<Norm>,
    pub(super) layers: Vec<TransformerLayer>,
    /// The kinds of attention of the layers.
    pub(super) attentions: Vec<Attention>,
    pub(super) last_norm: Option<Norm>,
    pub(super) activation: Activation,
    pub(super) first: Position,
    /// Whether tokens have types. Texts have only the first.
    pub(super) token_types: bool,
    /// The number of rows of `positions` for each token type.
    pub(super) rows: usize,
    pub(super) vocabulary: usize,
    pub(super) width: usize,
    /// The longest input that the model has positions for.
    pub(super) longest: usize,
}

/// The table of positions.
struct Positions {
    table: Option<Tensor>,
    rows: usize,
    longest: usize,
}

impl Transformer {
    /// Loads the model that config.json describes.
    pub(super) fn load(loader: &Loader<'_>, config: &Config) -> Result<Self, Error> {
        let names = config.names;
        let (vocabulary, width) = loader.dimensions(names.token_embeddings)?;
        let size = match config.size {
            Some(size) => size,
            None if width % config.heads == 0 => width / config.heads,
            None => {
                let heads = config.heads;
                let problem = format!("`num_attention_heads` is {heads}, which does not divide the width {width}");
                return Err(Error::setting(&loader.path.join("config.json"), problem));
            }
        };
        let positions = Positions::load(loader, config, names, width)?;
        let attentions = config.patterns.iter().map(|pattern| {
            let relative = relative_bias(loader, config, names, positions.longest)?;
            Ok(attention(config, pattern, size, relative))
        });
        let layers =
            (0..config.layers).map(|layer| TransformerLayer::load(loader, config, names, layer, (width, size)));
        let norm = |name: Option<&str>| name.map(|name| Norm::load(loader, name, width, config.norm)).transpose();
        Ok(Self {
            token_embeddings: TokenEmbeddings::load(loader, config, names, (vocabulary, width))?,
            norm: norm(names.embedding_norm)?,
            layers: layers.collect::<Result<_, _>>()?,
            attentions: attentions.collect::<Result<_, Error>>()?,
            last_norm: norm(names.last_norm)?,
            activation: config.activation,
            first: config.first,
            token_types: config.token_types && names.token_types.is_some(),
            vocabulary,
            width,
            rows: positions.rows,
            longest: positions.longest,
            positions: positions.table,
        })
    }

    /// The number of token types that a pair of texts may have.
    pub(super) fn types(&self) -> usize {
        let rows = self.positions.as_ref().and_then(|table| table.dims().first().copied()).unwrap_or(0);
        rows.checked_div(self.rows).unwrap_or(1)
    }

    /// Computes one vector for each row of a padded batch.
    pub(super) fn forward(&self, batch: &Batch, padding: &Padding) -> Computed<Tensor> {
        let device = padding.ids.device();
        let attentions = self.attentions.iter().map(|attention| attention.prepare(batch, padding, device));
        let attentions = attentions.collect::<Computed<Vec<Prepared<'_>>>>()?;
        let mut x = self.embed(batch, padding)?;
        for layer in &self.layers {
            let Some(attention) = attentions.get(layer.attention) else { continue };
            x = layer.forward(&x, attention, self.activation)?;
        }
        self.last_norm.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(&x))
    }

    fn embed(&self, batch: &Batch, padding: &Padding) -> Computed<Tensor> {
        let mut x = self.token_embeddings.on_device()?.index_select(&padding.ids, 0)?;
        if let Some(table) = &self.positions {
            let positions = Tensor::from_slice(&batch.positions, batch.positions.len(), padding.ids.device())?;
            x = (x + table.index_select(&positions, 0)?)?;
        }
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.forward(&x))
    }
}

fn attention(config: &Config, pattern: &Pattern, size: usize, relative: Option<RelativeBias>) -> Attention {
    Attention {
        heads: config.heads,
        key_value_heads: config.key_value_heads,
        size,
        scale: config.scale.unwrap_or(1.0 / (size as f32).sqrt()),
        causal: pattern.causal,
        window: pattern.window,
        rotary: pattern.rope.clone().map(Rotary::new),
        relative,
    }
}

fn relative_bias(
    loader: &Loader<'_>,
    config: &Config,
    names: &Names,
    longest: usize,
) -> Result<Option<RelativeBias>, Error> {
    let Some(name) = names.relative else { return Ok(None) };
    let table = loader.values(name, &[BUCKETS, config.heads])?;
    Ok(Some(RelativeBias::new(&table, config.heads, longest)))
}

impl Positions {
    fn load(loader: &Loader<'_>, config: &Config, names: &Names, width: usize) -> Result<Self, Error> {
        let Some(name) = names.positions else { return Ok(Self { table: None, rows: 0, longest: config.longest }) };
        let (rows, _) = loader.dimensions(name)?;
        let values = with_each_type(loader, config, names, width, loader.values(name, &[rows, width])?)?;
        let longest = rows.saturating_sub(config.first.start as usize).min(config.longest);
        let shape = [values.len() / width, width];
        Ok(Self { table: Some(loader.place(values, &shape)?), rows, longest })
    }
}
