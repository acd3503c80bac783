//! Transformers, which turn token ids into one vector for each token.

use candle_core::{Result as Computed, Tensor};

use super::batch::{Batch, Padding};
use super::config::{Config, Distance, Pattern, Position};
use super::error::Error;
use super::layers::attention::{Attention, Prepared};
use super::layers::disentangled::RelativePositions;
use super::layers::linear::Linear;
use super::layers::norm::Norm;
use super::layers::relative_bias::RelativeBias;
use super::layers::rotary::Rotary;
use super::layers::token_embeddings::TokenEmbeddings;
use super::layers::token_types::with_each_type;
use super::layers::transformer_layer::{Shared, TransformerLayer};
use super::source::Loader;
use super::tensor_names::{Names, Side};
use crate::kernel::Activation;

/// A transformer.
#[derive(Debug)]
pub(super) struct Transformer {
    pub(super) token_embeddings: TokenEmbeddings,
    /// The name of the tensor with a row for each token; `None` where rows are computed from several tensors.
    pub(super) token_table: Option<String>,
    /// One row for each position. If tokens have types, these rows once for each type, with its vector added.
    pub(super) positions: Option<Tensor>,
    pub(super) norm: Option<Norm>,
    /// From the width of the tables to that of the layers, in front of the norm or behind it.
    pub(super) projection: Option<(Linear, Side)>,
    pub(super) layers: Vec<TransformerLayer>,
    /// The layer at each depth.
    pub(super) order: Vec<usize>,
    /// The kinds of attention of the layers.
    pub(super) attentions: Vec<Attention>,
    pub(super) last_norm: Option<Norm>,
    /// From the width of the layers to that of the result.
    pub(super) last_projection: Option<Linear>,
    pub(super) activation: Activation,
    pub(super) first: Position,
    /// Whether tokens have types. Texts have only the first.
    pub(super) token_types: bool,
    /// The number of rows of `positions` for each token type.
    pub(super) rows: usize,
    pub(super) vocabulary: usize,
    /// The width of the tables of tokens and positions.
    pub(super) table_width: usize,
    /// The width of the layers.
    pub(super) layer_width: usize,
    /// The width of the result.
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
        let bare = Self::load_bare(loader, config)?;
        let (width, size) = (bare.layer_width, head_width(loader, config, bare.layer_width)?);
        let shared = Shared::load(loader, config, width)?;
        let layers =
            (0..config.layers).map(|layer| TransformerLayer::load(loader, config, layer, (width, size), &shared));
        Ok(Self { layers: layers.collect::<Result<_, _>>()?, ..bare })
    }

    /// Loads all but the layers.
    pub(super) fn load_bare(loader: &Loader<'_>, config: &Config) -> Result<Self, Error> {
        let names = config.names;
        let (vocabulary, table_width) = loader.dimensions(names.token_table(loader))?;
        let projection = match &names.projection {
            Some(projection) if config.projected => {
                let (outputs, _) = loader.dimensions(&format!("{}.weight", projection.name))?;
                let linear = Linear::load(loader, projection.name, table_width, outputs, projection.biased)?;
                Some((linear, projection.side))
            }
            _ => None,
        };
        let width = projection.as_ref().map_or(table_width, |(projection, _)| projection.outputs());
        let norm_width = match projection {
            Some((_, Side::BehindNorm)) => table_width,
            _ => width,
        };
        let size = head_width(loader, config, width)?;
        let positions = Positions::load(loader, config, names, table_width)?;
        let attentions = config
            .patterns
            .iter()
            .enumerate()
            .map(|(index, pattern)| attention(loader, config, pattern, config.heads_of(index, size)));
        let last_projection = names.last_projection.map(|name| {
            let (outputs, _) = loader.dimensions(&format!("{name}.weight"))?;
            Linear::load(loader, name, width, outputs, false)
        });
        let last_projection = last_projection.transpose()?;
        let norm = |name: Option<&str>, width: usize| {
            name.map(|name| Norm::load(loader, name, width, config.norm)).transpose()
        };
        Ok(Self {
            token_embeddings: TokenEmbeddings::load(loader, config, names, (vocabulary, table_width))?,
            token_table: Some(names.token_table(loader).to_owned()),
            norm: norm(names.embedding_norm, norm_width)?,
            projection,
            layers: Vec::new(),
            order: config.order.clone(),
            attentions: attentions.collect::<Result<_, Error>>()?,
            last_norm: norm(names.last_norm, width)?,
            activation: config.activation,
            first: config.first,
            token_types: config.token_types && names.token_types.is_some(),
            vocabulary,
            rows: positions.rows,
            table_width,
            layer_width: width,
            width: last_projection.as_ref().map_or(width, Linear::outputs),
            last_projection,
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
        let embedded = self.embed(batch, padding)?;
        let mut x = embedded.clone();
        for layer in self.depths() {
            let Some(attention) = attentions.get(layer.attention) else { continue };
            x = layer.forward(&x, &embedded, attention, self.activation)?;
        }
        if let Some(norm) = &self.last_norm {
            x = norm.forward(&x)?;
        }
        self.last_projection.as_ref().map_or(Ok(x.clone()), |layer| layer.forward(&x, Activation::Identity))
    }

    /// The vectors of tokens in front of the first layer.
    pub(super) fn embed(&self, batch: &Batch, padding: &Padding) -> Computed<Tensor> {
        let mut x = self.token_embeddings.on_device()?.index_select(&padding.ids, 0)?;
        if let Some(table) = &self.positions {
            let positions = Tensor::from_slice(&batch.positions, batch.positions.len(), padding.ids.device())?;
            x = (x + table.index_select(&positions, 0)?)?;
        }
        if let Some((projection, Side::BeforeNorm)) = &self.projection {
            x = projection.forward(&x, Activation::Identity)?;
        }
        if let Some(norm) = &self.norm {
            x = norm.forward(&x)?;
        }
        match &self.projection {
            Some((projection, Side::BehindNorm)) => projection.forward(&x, Activation::Identity),
            _ => Ok(x),
        }
    }

    /// The layers from the first depth to the last.
    pub(super) fn depths(&self) -> impl Iterator<Item = &TransformerLayer> {
        self.order.iter().filter_map(|layer| self.layers.get(*layer))
    }
}

/// The width of a head.
pub(super) fn head_width(loader: &Loader<'_>, config: &Config, width: usize) -> Result<usize, Error> {
    match config.size {
        Some(size) => Ok(size),
        None if width.is_multiple_of(config.heads) => Ok(width / config.heads),
        None => {
            let heads = config.heads;
            let problem = format!("`num_attention_heads` is {heads}, which does not divide the width {width}");
            Err(Error::setting(&loader.path.join("config.json"), problem))
        }
    }
}

fn attention(
    loader: &Loader<'_>,
    config: &Config,
    pattern: &Pattern,
    (key_value_heads, size): (usize, usize),
) -> Result<Attention, Error> {
    let relative = match (config.names.relative, config.distance) {
        (Some(name), Some(Distance::Buckets { buckets, farthest })) => {
            let table = loader.values(name, &[buckets, config.heads])?;
            Some(RelativeBias::new(table, config.heads, farthest))
        }
        (_, Some(Distance::Linear)) => Some(RelativeBias::linear(config.heads)),
        _ => None,
    };
    let positions = match config.distance {
        Some(Distance::Disentangled(shape)) => Some(RelativePositions::new(shape)),
        _ => None,
    };
    Ok(Attention {
        heads: config.heads,
        key_value_heads,
        size,
        scale: config.scale.unwrap_or(1.0 / (size as f32).sqrt()),
        causal: pattern.causal,
        window: pattern.window,
        rotary: pattern.rope.clone().map(Rotary::new),
        relative,
        positions,
        cap: config.score_cap,
        packing: loader.packing(),
    })
}

impl Positions {
    fn load(loader: &Loader<'_>, config: &Config, names: &Names, width: usize) -> Result<Self, Error> {
        let Some(name) = names.positions.filter(|_| config.position_table) else {
            return Ok(Self { table: None, rows: 0, longest: config.longest });
        };
        let (rows, _) = loader.dimensions(name)?;
        let longest = rows.saturating_sub(config.first.start as usize).min(config.longest);
        let values = with_each_type(loader, config, names, width, loader.values(name, &[rows, width])?)?;
        let shape = [values.len() / width, width];
        Ok(Self { table: Some(loader.place(values, &shape)?), rows, longest })
    }
}
