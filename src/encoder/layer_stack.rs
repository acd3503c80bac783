//! Runs texts through a model layer by layer, with the weights of one layer in memory at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};

use super::batch::Batch;
use super::config::Config;
use super::error::Error;
use super::input_gram::{GramTiles, InputGram};
use super::layers::transformer_layer::{Shared, TransformerLayer};
use super::open::{longest, read_config, transformer_loader};
use super::options::Options;
use super::recorder::{Recorded, Recorder};
use super::source::{Loader, TensorData, TensorSource};
use super::static_embedding;
use super::tokenize::Tokenizer;
use super::tokens::{Tokens, renumber};
use super::transformer::{Transformer, head_width};
use crate::checkpoint::{Checkpoint, SharedData};
use crate::kernel::DType;
use crate::progress::Cancel;

/// Number of tokens of a batch, padding included.
const TOKENS: usize = 512;

/// Batches whose inputs are in memory at a time.
const BATCHES: usize = 8;

/// A model without its layers, which are loaded when texts run through them.
#[derive(Debug)]
pub struct LayerStack {
    config: Config,
    /// All but the layers.
    transformer: Transformer,
    shared: Shared,
    /// The width of a head.
    head: usize,
    module: String,
    path: PathBuf,
}

/// Texts on their way through a model: the vectors of their tokens.
#[derive(Debug)]
pub struct HiddenTexts {
    batches: Vec<Batch>,
    hidden: Vec<Tensor>,
    /// The vectors in front of the first layer, where layers look at them.
    embedded: Vec<Tensor>,
    tokens: usize,
}

/// How much a layer's work may use, and what ends it.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Batches that are computed at the same time.
    pub threads: usize,
    /// Ends it early.
    pub cancel: &'a Cancel,
}

/// Tokenises texts for [`LayerStack::embed`], at most `most` tokens of each. Returns with them the number of ids that keep their numbers
/// when tokens are numbered anew: positions may depend on that of the padding.
///
/// # Errors
/// A model that is not loaded layer by layer; a tokenizer that cannot be read.
pub fn tokenise_for_layers(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    (texts, prompt): (&[String], &str),
    most: usize,
) -> Result<(Tokens, u32), Error> {
    let stack = LayerStack::open(checkpoint, source, &[0])?;
    let options = options();
    let loader = transformer_loader(checkpoint, source, &options, &Device::Cpu);
    let (rows, _) = loader.dimensions(stack.config.names.token_table(&loader))?;
    let mut tokenizer = Tokenizer::open(checkpoint)?;
    tokenizer.check_vocabulary(rows)?;
    if stack.transformer.token_types {
        tokenizer.check_types()?;
    }
    let longest = longest(checkpoint, &stack.transformer);
    let stated = checkpoint.settings().max_seq_length.and_then(|length| usize::try_from(length).ok());
    tokenizer.set_max_length(most.min(stated.unwrap_or(most)).min(longest), longest)?;
    let kept = stack.config.first.padding.map_or(1, |padding| padding + 1);
    Ok((tokenizer.encode(texts, prompt)?, kept))
}

/// Numbers the tokens of texts anew, so that a table needs rows only for those that occur. Returns the old number of each new one.
pub fn number_tokens(texts: &mut [Tokens], kept: u32) -> Vec<u32> {
    renumber(texts, kept)
}

/// How models are loaded for this.
fn options() -> Options {
    Options { padded: true, exact_products: true, ..Options::default() }
}

impl LayerStack {
    /// Loads all but the layers. Of the table of token embeddings only some rows are read, by whose place among them tokens are
    /// numbered.
    ///
    /// # Errors
    /// A class of model that cannot be encoded with, or that has no layers; tensors that are missing or of another shape.
    pub fn open(checkpoint: &Checkpoint, source: &dyn TensorSource, rows: &[u32]) -> Result<Self, Error> {
        if static_embedding::is_static(checkpoint) {
            let problem = "a static embedding has no layers for texts to run through";
            return Err(Error::setting(checkpoint.path(), problem));
        }
        let options = options();
        let loader = transformer_loader(checkpoint, source, &options, &Device::Cpu);
        let config = read_config(checkpoint, &loader)?;
        let table = config.names.token_table(&loader).to_owned();
        let (module, path) = (loader.module.to_owned(), loader.path.clone());
        let some = SomeRows { source, module: &module, table: &table, rows };
        let loader = Loader { source: &some, module: &module, ..loader };
        let transformer = Transformer::load_bare(&loader, &config)?;
        let width = transformer.layer_width;
        let shared = Shared::load(&loader, &config, width)?;
        let head = head_width(&loader, &config, width)?;
        Ok(Self { config, transformer, shared, head, module, path })
    }

    /// The name of the tensor with a row for each token.
    pub fn token_table(&self) -> Option<&str> {
        self.transformer.token_table.as_deref()
    }

    /// The layer at each depth; layers that are shared stand at several.
    pub fn order(&self) -> &[usize] {
        &self.config.order
    }

    /// Looks the texts' tokens up. Texts without tokens are left out.
    ///
    /// # Errors
    /// Texts that there is no memory for.
    pub fn embed(&self, tokens: &Tokens) -> Result<HiddenTexts, Error> {
        let positions = (self.transformer.first, self.transformer.rows);
        let mut texts = HiddenTexts { batches: Vec::new(), hidden: Vec::new(), embedded: Vec::new(), tokens: 0 };
        for batch in batches(tokens) {
            let batch = Batch::new(tokens, &batch, positions, true, &Device::Cpu)?;
            let Some(padding) = &batch.padding else { continue };
            let embedded = self.transformer.embed(&batch, padding)?;
            if self.shared.inputs.is_some() {
                texts.embedded.push(embedded.clone());
            }
            texts.tokens += batch.lengths.iter().sum::<usize>();
            texts.hidden.push(embedded);
            texts.batches.push(batch);
        }
        Ok(texts)
    }

    /// Runs the texts through the layer at a depth and returns the Gram matrices of what its linear layers get, each divided by the
    /// number of tokens. The texts go on to the next depth with `go_on`.
    ///
    /// # Errors
    /// Tensors that are missing or of another shape, and [`Error::Cancelled`].
    pub fn grams(
        &self,
        source: &dyn TensorSource,
        depth: usize,
        texts: &mut HiddenTexts,
        go_on: bool,
        work: Work<'_>,
    ) -> Result<Vec<InputGram>, Error> {
        let (layer, recorder) = self.layer(source, depth)?;
        let mut sums: BTreeMap<usize, GramTiles> = BTreeMap::new();
        for range in groups(texts.batches.len()) {
            let run = |batch: usize| Ok((self.run(&layer, texts, batch)?, recorder.take()));
            let computed: Vec<(Tensor, Vec<Recorded>)> = on_threads(range.clone(), work, &run)?;
            let mut rows: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
            for (at, (hidden, recorded)) in range.zip(computed) {
                for Recorded { layer, inputs } in recorded {
                    texts.push_tokens(at, &inputs, rows.entry(layer).or_default())?;
                }
                if go_on && let Some(old) = texts.hidden.get_mut(at) {
                    *old = hidden;
                }
            }
            for (layer, rows) in rows {
                let width = recorder.width_of(layer);
                sums.entry(layer).or_insert_with(|| GramTiles::new(width)).add(&rows);
            }
        }
        let share = 1.0 / texts.tokens.max(1) as f64;
        let gram = |(layer, sum): (usize, GramTiles)| InputGram {
            weights: recorder.weights_of(layer),
            gram: sum.finish(share),
        };
        Ok(sums.into_iter().map(gram).collect())
    }

    /// Runs the texts through the layer at a depth.
    ///
    /// # Errors
    /// As [`LayerStack::grams`].
    pub fn advance(
        &self,
        source: &dyn TensorSource,
        depth: usize,
        texts: &mut HiddenTexts,
        work: Work<'_>,
    ) -> Result<(), Error> {
        let (layer, recorder) = self.layer(source, depth)?;
        for range in groups(texts.batches.len()) {
            let run = |batch: usize| {
                let hidden = self.run(&layer, texts, batch);
                recorder.take();
                hidden
            };
            let computed = on_threads(range.clone(), work, &run)?;
            for (old, new) in texts.hidden.iter_mut().skip(range.start).zip(computed) {
                *old = new;
            }
        }
        Ok(())
    }

    /// Loads the layer at a depth, with taps in its linear layers.
    fn layer(&self, source: &dyn TensorSource, depth: usize) -> Result<(TransformerLayer, Arc<Recorder>), Error> {
        let recorder = Arc::new(Recorder::default());
        let source = &Recording { source, recorder: &recorder };
        let layer = self.config.order.get(depth).copied().unwrap_or_default();
        let (module, path) = (self.module.as_str(), self.path.clone());
        let loader =
            Loader { source, module, path, device: &Device::Cpu, dtype: DType::F32, in_place: false, exact: true };
        let widths = (self.transformer.layer_width, self.head);
        let layer = TransformerLayer::load(&loader, &self.config, layer, widths, &self.shared)?;
        // What loading has computed is not of the texts.
        recorder.take();
        Ok((layer, recorder))
    }

    fn run(&self, layer: &TransformerLayer, texts: &HiddenTexts, batch: usize) -> Result<Tensor, Error> {
        let none = || Error::setting(&self.path, "a layer without texts");
        let (at, x) = (texts.batches.get(batch).ok_or_else(none)?, texts.hidden.get(batch).ok_or_else(none)?);
        let padding = at.padding.as_ref().ok_or_else(none)?;
        let attention = self.transformer.attentions.get(layer.attention).ok_or_else(none)?;
        let attention = attention.prepare(at, padding, &Device::Cpu)?;
        let embedded = texts.embedded.get(batch).unwrap_or(x);
        Ok(layer.forward(x, embedded, &attention, self.transformer.activation)?)
    }
}

impl HiddenTexts {
    /// The number of tokens.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Appends the rows of a batch that are tokens and not padding.
    fn push_tokens(&self, batch: usize, rows: &Tensor, to: &mut Vec<f32>) -> Result<(), Error> {
        let Some(batch) = self.batches.get(batch) else { return Ok(()) };
        let width = batch.padding.as_ref().map_or(0, |padding| padding.width);
        for (text, length) in batch.lengths.iter().enumerate() {
            to.extend(rows.narrow(0, text * width, *length)?.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(())
    }
}

/// Batches of limited tokens, the longest texts first.
fn batches(tokens: &Tokens) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..tokens.len()).filter(|text| tokens.length(*text) > 0).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(tokens.length(text)));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for text in order {
        match batches.last_mut() {
            Some(batch) if tokens.length(batch[0]) * (batch.len() + 1) <= TOKENS => batch.push(text),
            _ => batches.push(vec![text]),
        }
    }
    batches
}

fn groups(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(BATCHES).map(move |start| start..(start + BATCHES).min(count))
}

/// Computes batches on threads of their own, and returns the results in order.
fn on_threads<T: Send>(
    range: Range<usize>,
    work: Work<'_>,
    compute: &(dyn Fn(usize) -> Result<T, Error> + Sync),
) -> Result<Vec<T>, Error> {
    let next = AtomicUsize::new(range.start);
    let found = Mutex::new(BTreeMap::new());
    let take = || {
        loop {
            let batch = next.fetch_add(1, Ordering::Relaxed);
            if batch >= range.end {
                return;
            }
            let result = if work.cancel.is_cancelled() { Err(Error::Cancelled) } else { compute(batch) };
            found.lock().unwrap_or_else(PoisonError::into_inner).insert(batch, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..work.threads.clamp(1, range.len().max(1)) {
            scope.spawn(take);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

/// A source whose linear layers are recorded.
struct Recording<'a> {
    source: &'a dyn TensorSource,
    recorder: &'a Arc<Recorder>,
}

impl TensorSource for Recording<'_> {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        self.source.tensor(module, canonical)
    }

    fn shared(&self, module: &str, canonical: &str) -> Option<SharedData> {
        self.source.shared(module, canonical)
    }

    fn recorder(&self) -> Option<&Arc<Recorder>> {
        Some(self.recorder)
    }
}

/// A source whose table of token embeddings has only some of its rows.
struct SomeRows<'a> {
    source: &'a dyn TensorSource,
    module: &'a str,
    table: &'a str,
    rows: &'a [u32],
}

impl TensorSource for SomeRows<'_> {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        let data = self.source.tensor(module, canonical)?;
        let [rows, width] = data.shape.as_slice() else { return Some(data) };
        // A table that has these rows alone is as it should be.
        if module != self.module || canonical != self.table || *rows == self.rows.len() {
            return Some(data);
        }
        let stride = width * data.dtype.size();
        let row = |row: &u32| data.bytes.get(*row as usize * stride..(*row as usize + 1) * stride);
        let bytes = self.rows.iter().map(row).collect::<Option<Vec<&[u8]>>>()?.concat();
        Some(TensorData { dtype: data.dtype, shape: vec![self.rows.len(), *width], bytes: Cow::Owned(bytes) })
    }
}
