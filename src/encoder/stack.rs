//! The layers of a model: from token numbers to one vector a token.

use candle_core::{Result as Computed, Tensor};

use super::attention::{Attention, Prepared};
use super::batch::{Batch, Padding};
use super::config::{Config, Pattern, Position};
use super::error::Error;
use super::layers::{Linear, Norm};
use super::names::{Names, Norms, Up};
use super::relative::{BUCKETS, RelativeBias};
use super::rotary::Rotary;
use super::source::Loader;
use super::words::Words;
use crate::kernel::Activation;

/// A transformer.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) words: Words,
    /// One row a position, with the vector of the first token type added where there is one.
    pub(super) positions: Option<Tensor>,
    pub(super) norm: Option<Norm>,
    pub(super) layers: Vec<Layer>,
    /// The kinds of attention that layers choose from.
    pub(super) attentions: Vec<Attention>,
    pub(super) last_norm: Option<Norm>,
    pub(super) activation: Activation,
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
pub(super) struct Layer {
    /// Which kind of attention it has.
    pub(super) attention: usize,
    /// Query, key and value as one.
    pub(super) attended: Linear,
    pub(super) head_norms: Option<[Norm; 2]>,
    pub(super) joined: Linear,
    pub(super) around_attention: Around,
    pub(super) up: Linear,
    pub(super) gated: bool,
    pub(super) down: Linear,
    pub(super) around_inner: Around,
}

/// The norms around one of the two parts of a layer, and the sum with what went in.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) before: Option<Norm>,
    pub(super) within: Option<Norm>,
    pub(super) after: Option<Norm>,
}

/// The table of positions.
struct Positions {
    table: Option<Tensor>,
    longest: usize,
}

impl Stack {
    /// Loads the model that config.json describes.
    pub(super) fn load(loader: &Loader<'_>, config: &Config) -> Result<Self, Error> {
        let names = config.names;
        let (vocabulary, width) = loader.dimensions(names.words)?;
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
        let layers = (0..config.layers).map(|layer| Layer::load(loader, config, names, layer, (width, size)));
        let norm = |name: Option<&str>| name.map(|name| Norm::load(loader, name, width, config.norm)).transpose();
        Ok(Self {
            words: Words::load(loader, config, names, (vocabulary, width))?,
            norm: norm(names.embedding_norm)?,
            layers: layers.collect::<Result<_, _>>()?,
            attentions: attentions.collect::<Result<_, Error>>()?,
            last_norm: norm(names.last_norm)?,
            activation: config.activation,
            first: config.first,
            token_types: config.token_types && names.token_types.is_some(),
            vocabulary,
            width,
            longest: positions.longest,
            positions: positions.table,
        })
    }

    /// One vector a row of a padded batch.
    pub(super) fn forward(&self, batch: &Batch, padding: &Padding) -> Computed<Tensor> {
        let device = padding.ids.device();
        let attentions = self.attentions.iter().map(|attention| attention.prepare(batch, padding, device));
        let attentions = attentions.collect::<Computed<Vec<Prepared<'_>>>>()?;
        let mut x = self.embed(batch, padding)?;
        for layer in &self.layers {
            let Some(attention) = attentions.get(layer.attention) else { continue };
            x = layer.forward(&x, attention, self.activation)?;
        }
        self.last_norm.as_ref().map_or(Ok(x.clone()), |norm| norm.plain(&x))
    }

    fn embed(&self, batch: &Batch, padding: &Padding) -> Computed<Tensor> {
        let mut x = self.words.held()?.index_select(&padding.ids, 0)?;
        if let Some(table) = &self.positions {
            let positions = Tensor::from_slice(&batch.positions, batch.positions.len(), padding.ids.device())?;
            x = (x + table.index_select(&positions, 0)?)?;
        }
        self.norm.as_ref().map_or(Ok(x.clone()), |norm| norm.plain(&x))
    }
}

impl Layer {
    fn load(
        loader: &Loader<'_>,
        config: &Config,
        names: &Names,
        layer: usize,
        (width, size): (usize, usize),
    ) -> Result<Self, Error> {
        let name = |part: &str| format!("{}.{layer}.{part}", names.layers);
        let (queries, pairs) = (config.heads * size, config.pairs * size);
        let attended: Vec<String> = names.attended.iter().map(|part| name(part)).collect();
        let parts: Vec<(&str, usize)> = match attended.as_slice() {
            [all] => vec![(all, queries + 2 * pairs)],
            parts => parts.iter().map(String::as_str).zip([queries, pairs, pairs]).collect(),
        };
        let (up, inner) = Linear::up(loader, &names.up, name, width, config.biases.up)?;
        let head_norm = |part: &str| Norm::load(loader, &name(part), size, config.norm);
        let around = |norms: &Norms| Around::load(loader, config, norms, layer, name, width);
        Ok(Self {
            attention: config.layer_patterns.get(layer).copied().unwrap_or(0),
            attended: Linear::joined(loader, &parts, width, config.biases.attended)?,
            head_norms: match names.head_norms {
                Some([query, key]) => Some([head_norm(query)?, head_norm(key)?]),
                None => None,
            },
            joined: Linear::load(loader, &name(names.joined), queries, width, config.biases.joined)?,
            around_attention: around(&names.attention_norms)?,
            up,
            gated: !matches!(names.up, Up::Plain(_)),
            down: Linear::load(loader, &name(names.down), inner, width, config.biases.down)?,
            around_inner: around(&names.inner_norms)?,
        })
    }

    fn forward(&self, x: &Tensor, attention: &Prepared<'_>, activation: Activation) -> Computed<Tensor> {
        let seen = self.around_attention.open(x)?;
        let joined = self.attended.forward(&seen, Activation::Identity)?;
        let attended = attention.forward(&joined, self.head_norms.as_ref())?;
        let x = self.around_attention.close(x, &self.joined, &attended)?;
        let seen = self.around_inner.open(&x)?;
        let inner = if self.gated { self.up.gated(&seen, activation)? } else { self.up.forward(&seen, activation)? };
        self.around_inner.close(&x, &self.down, &inner)
    }
}

impl Around {
    fn load(
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

    /// What the part is given.
    fn open(&self, x: &Tensor) -> Computed<Tensor> {
        self.before.as_ref().map_or(Ok(x.clone()), |norm| norm.plain(x))
    }

    /// The sum of `x` and of what the part's last layer makes of `inner`.
    fn close(&self, x: &Tensor, layer: &Linear, inner: &Tensor) -> Computed<Tensor> {
        let mut out = layer.forward(inner, Activation::Identity)?;
        if let Some(norm) = &self.within {
            out = norm.plain(&out)?;
        }
        let sum = (out + x)?;
        self.after.as_ref().map_or(Ok(sum.clone()), |norm| norm.plain(&sum))
    }
}

fn attention(config: &Config, pattern: &Pattern, size: usize, relative: Option<RelativeBias>) -> Attention {
    Attention {
        heads: config.heads,
        pairs: config.pairs,
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
        let Some(name) = names.positions else { return Ok(Self { table: None, longest: config.longest }) };
        let (rows, _) = loader.dimensions(name)?;
        let mut values = loader.values(name, &[rows, width])?;
        add_first_type(loader, config, names, width, &mut values)?;
        let longest = rows.saturating_sub(config.first.start as usize).min(config.longest);
        Ok(Self { table: Some(loader.place(values, &[rows, width])?), longest })
    }
}

/// Adds the vector of the first token type to every row.
pub(super) fn add_first_type(
    loader: &Loader<'_>,
    config: &Config,
    names: &Names,
    width: usize,
    rows: &mut [f32],
) -> Result<(), Error> {
    let Some(name) = names.token_types.filter(|_| config.token_types) else { return Ok(()) };
    let (types, _) = loader.dimensions(name)?;
    let first = loader.values(name, &[types, width])?;
    for row in rows.chunks_exact_mut(width) {
        for (x, y) in row.iter_mut().zip(&first) {
            *x += y;
        }
    }
    Ok(())
}
