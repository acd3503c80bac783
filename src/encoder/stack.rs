//! The layers of a BERT-like model: from token numbers to one vector a token.

use candle_core::{Result as Computed, Tensor};

use super::attention::Attention;
use super::batch::Batch;
use super::config::{Config, Position};
use super::error::Error;
use super::layers::{Linear, Norm};
use super::names::{EMBEDDING_NORM, Names, POSITIONS, TYPES, WORDS};
use super::relative::{BUCKETS, RelativeBias};
use super::source::Loader;
use crate::kernel::Activation;

/// A BERT-like model.
#[derive(Debug)]
pub(super) struct Stack {
    words: Tensor,
    /// One row a position, with the vector of the first token type added where there is one.
    positions: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
    heads: usize,
    relative: Option<RelativeBias>,
    activation: Activation,
    pub(super) first: Position,
    /// Whether tokens have types; only the first is used.
    pub(super) token_types: bool,
    pub(super) vocabulary: usize,
    pub(super) width: usize,
    /// The longest input that there are positions for.
    pub(super) longest: usize,
}

/// One layer.
#[derive(Debug)]
struct Layer {
    /// Query, key and value as one.
    attended: Linear,
    joined: Linear,
    joined_norm: Norm,
    up: Linear,
    down: Linear,
    down_norm: Norm,
}

impl Stack {
    /// Loads the model that config.json describes.
    pub(super) fn load(loader: &Loader<'_>, config: &Config) -> Result<Self, Error> {
        let (vocabulary, width) = dimensions(loader, WORDS)?;
        if width % config.heads != 0 {
            let problem = format!("`num_attention_heads` is {}, which does not divide the width {width}", config.heads);
            return Err(Error::setting(&loader.path.join("config.json"), problem));
        }
        let (positions, rows) = position_table(loader, config.names, width)?;
        let longest = rows.saturating_sub(config.first.start as usize);
        let relative = match config.names.relative {
            None => None,
            Some(name) => {
                Some(RelativeBias::new(&loader.values(name, &[BUCKETS, config.heads])?, config.heads, longest))
            }
        };
        let layers = (0..config.layers).map(|layer| Layer::load(loader, config, layer, width));
        Ok(Self {
            words: loader.tensor(WORDS, &[vocabulary, width])?,
            positions,
            norm: Norm::load(loader, EMBEDDING_NORM, width, config.epsilon)?,
            layers: layers.collect::<Result<_, _>>()?,
            heads: config.heads,
            relative,
            activation: config.activation,
            first: config.first,
            token_types: config.names.token_types,
            vocabulary,
            width,
            longest,
        })
    }

    /// One vector a row of the batch.
    pub(super) fn forward(&self, batch: &Batch) -> Computed<Tensor> {
        let fused = batch.padding.is_none();
        let attention = Attention { heads: self.heads, relative: self.relative.as_ref() };
        let words = self.words.index_select(&batch.ids, 0)?;
        let mut x = self.norm.add(words, &self.positions.index_select(&batch.positions, 0)?, fused)?;
        for layer in &self.layers {
            let attended = attention.forward(&layer.attended.forward(&x, Activation::Identity, fused)?, batch)?;
            x = layer.joined_norm.after(&layer.joined, &attended, &x, fused)?;
            let inner = layer.up.forward(&x, self.activation, fused)?;
            x = layer.down_norm.after(&layer.down, &inner, &x, fused)?;
        }
        Ok(x)
    }
}

impl Layer {
    fn load(loader: &Loader<'_>, config: &Config, layer: usize, width: usize) -> Result<Self, Error> {
        let names = config.names;
        let name = |part: &str| format!("{}.{layer}.{part}", names.layers);
        let (up, down) = (name(names.up), name(names.down));
        let parts = [name(names.query), name(names.key), name(names.value)];
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (inner, _) = dimensions(loader, &format!("{up}.weight"))?;
        Ok(Self {
            attended: Linear::joined(loader, &parts, width, width, true)?,
            joined: Linear::load(loader, &name(names.joined), width, width)?,
            joined_norm: Norm::load(loader, &name(names.joined_norm), width, config.epsilon)?,
            up: Linear::load(loader, &up, width, inner)?,
            down: Linear::load(loader, &down, inner, width)?,
            down_norm: Norm::load(loader, &name(names.down_norm), width, config.epsilon)?,
        })
    }
}

/// Rows and columns of a matrix, neither of them 0.
fn dimensions(loader: &Loader<'_>, name: &str) -> Result<(usize, usize), Error> {
    match loader.shape(name)?.as_slice() {
        &[rows, columns] if rows > 0 && columns > 0 => Ok((rows, columns)),
        _ => {
            let path = loader.path.join("model.safetensors");
            Err(Error::setting(&path, format!("tensor `{name}` is not a matrix")))
        }
    }
}

/// The table of positions and the number of its rows.
fn position_table(loader: &Loader<'_>, names: &Names, width: usize) -> Result<(Tensor, usize), Error> {
    let (rows, _) = dimensions(loader, POSITIONS)?;
    let mut values = loader.values(POSITIONS, &[rows, width])?;
    if names.token_types {
        let (types, _) = dimensions(loader, TYPES)?;
        let first = loader.values(TYPES, &[types, width])?;
        for row in values.chunks_exact_mut(width) {
            for (x, y) in row.iter_mut().zip(&first) {
                *x += y;
            }
        }
    }
    Ok((loader.place(values, &[rows, width])?, rows))
}
