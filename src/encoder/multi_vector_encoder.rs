//! Late-interaction models, which encode a text to one vector a token.

use std::collections::HashSet;

use super::batch::Batch;
use super::embed::TokenVectors;
use super::error::Error;
use super::late_tokens::LateTokenizer;
use super::module_pipeline::ModulePipeline;
use super::multi_vectors::MultiVectors;
use super::open::{Encoder, load_transformer, longest, transformer_loader};
use super::options::{Options, Progress};
use super::pooling::{Mode, Pooling};
use super::remarks;
use super::source::{Loader, TensorSource};
use super::tokens::{Role, Tokens};
use super::transformer::Transformer;
use crate::checkpoint::{Checkpoint, LateFormat, LateInteraction};
use crate::kernel::DType;

/// A model that encodes a text to one vector a token, as PyLate's `ColBERT` and sentence-transformers' `MultiVectorEncoder` do.
#[derive(Debug)]
pub struct MultiVectorEncoder {
    /// The transformer with the modules that are applied to each token's vector.
    inner: Encoder,
    tokenizer: LateTokenizer,
    kept: KeptTokens,
    mean: bool,
}

/// Which tokens of a text get a vector.
#[derive(Debug)]
struct KeptTokens {
    /// Tokens of queries and of documents that get none.
    skipped: [HashSet<u32>; 2],
    /// The only tokens of documents that get one, if there are any.
    only: HashSet<u32>,
    /// Whether tokens get one that no token attends to.
    expansion: bool,
}

impl KeptTokens {
    /// Whether each token of a text gets a vector. Tokens attend to the first `attended` of them.
    fn of<'a>(&'a self, role: Role, ids: &'a [u32], attended: usize) -> impl Iterator<Item = bool> + 'a {
        let is_query = role == Role::Query;
        let [queries, documents] = &self.skipped;
        let skipped = if is_query { queries } else { documents };
        ids.iter().enumerate().map(move |(at, id)| {
            let is_real = at < attended || (is_query && self.expansion);
            is_real && !skipped.contains(id) && (is_query || self.only.is_empty() || self.only.contains(id))
        })
    }

    fn count(&self, tokens: &Tokens, text: usize) -> usize {
        self.of(tokens.role, tokens.get(text), tokens.attended(text)).filter(|is_kept| *is_kept).count()
    }

    /// The rows of a batch without padding that get a vector.
    fn rows(&self, role: Role, batch: &Batch) -> Vec<u32> {
        let (mut rows, mut first) = (Vec::new(), 0);
        for (text, (&length, &attended)) in batch.lengths.iter().zip(&batch.attended).enumerate() {
            let start = batch.padding.as_ref().map_or(first, |padding| text * padding.width);
            let ids = batch.ids.get(start..start + length).unwrap_or_default();
            let numbered = (first as u32..).zip(self.of(role, ids, attended));
            rows.extend(numbered.filter(|(_, is_kept)| *is_kept).map(|(row, _)| row));
            first += length;
        }
        rows
    }
}

impl MultiVectorEncoder {
    /// Loads a checkpoint. The maximum length is that of documents; pooling is not used.
    ///
    /// # Errors
    /// A model of another kind, or that cannot be loaded, or options with a number of dimensions.
    pub fn open(checkpoint: &Checkpoint, options: &Options) -> Result<Self, Error> {
        Self::from_tensors(checkpoint, checkpoint, options)
    }

    /// Loads a model whose tensors come from `source`; everything else is as in `checkpoint`.
    ///
    /// # Errors
    /// Those of [`MultiVectorEncoder::open`].
    pub fn from_tensors(checkpoint: &Checkpoint, source: &dyn TensorSource, options: &Options) -> Result<Self, Error> {
        let late = settings(checkpoint)?;
        if options.truncate_dim.is_some() {
            let problem = "a late-interaction model, whose vectors are not cut to fewer dimensions";
            return Err(Error::setting(checkpoint.path(), problem));
        }
        // Nothing is pooled; this keeps warnings about a folder without pooling away. Lengths are those of the two roles.
        let pooling = Some(Pooling::of(Mode::Cls));
        let own = Options { pooling, truncate_dim: None, max_length: None, ..options.clone() };
        let inner = Encoder::open_by(load, checkpoint, source, &own)?;
        let most = longest(checkpoint, &inner.transformer);
        let tokenizer = LateTokenizer::new(checkpoint, late, &inner.tokenizer, (inner.max_length(), most), options)?;
        let kept = KeptTokens {
            skipped: late.skips.map(|skips| if skips { tokenizer.skiplist(late) } else { HashSet::new() }),
            only: late.kept.iter().filter_map(|id| u32::try_from(*id).ok()).collect(),
            expansion: late.is_masked,
        };
        Ok(Self { inner, tokenizer, kept, mean: late.mean })
    }

    /// Replaces the weights, for example by another merge of the same models. Existing tokens stay valid.
    ///
    /// # Errors
    /// Weights that do not fit.
    pub fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), Error> {
        self.inner.replace(checkpoint, source)
    }

    /// Frees the memory of the weights before new ones are computed. Nothing can be encoded until
    /// [`MultiVectorEncoder::replace`].
    pub fn release(&mut self) {
        self.inner.release();
    }

    /// Tokenises texts of a role with `prompt` in front of each, on all threads.
    ///
    /// # Errors
    /// A text that the tokenizer cannot encode.
    pub fn tokenize<T: AsRef<str> + Sync>(
        &self,
        role: Role,
        texts: &[T],
        prompt: Option<&str>,
    ) -> Result<Tokens, Error> {
        self.tokenizer.encode(role, texts, prompt.unwrap_or_default())
    }

    /// Computes the vectors of each text, in the order of the texts.
    ///
    /// # Errors
    /// A vector that is not finite, a text that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    pub fn encode(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<MultiVectors, Error> {
        let dimension = self.dimension();
        let mut total = 0;
        let ends = (0..tokens.len()).map(|text| {
            total += self.kept.count(tokens, text);
            total
        });
        let ends: Vec<usize> = ends.collect();
        let mut values = vec![0.0; total * dimension];
        let of_batch = |vectors: &TokenVectors<'_>, _| self.of_batch(vectors, tokens.role);
        self.inner.encode_batches(tokens, progress, &of_batch, &mut |texts, batch| {
            let mut rest = batch.as_slice();
            for &text in texts {
                let start = text.checked_sub(1).map_or(0, |before| ends[before]) * dimension;
                let place = &mut values[start..ends[text] * dimension];
                let (own, others) = rest.split_at(place.len());
                if !own.iter().all(|x| x.is_finite()) {
                    let excerpt = self.inner.tokenizer.excerpt(tokens.get(text));
                    return Err(Error::NonFinite { index: text, excerpt });
                }
                place.copy_from_slice(own);
                rest = others;
            }
            Ok(())
        })?;
        Ok(MultiVectors { dimension, values, ends })
    }

    /// The vectors of the texts of a batch, one after another.
    fn of_batch(&self, vectors: &TokenVectors<'_>, role: Role) -> Result<Vec<f32>, Error> {
        let (TokenVectors::Rows(_, batch), Some((hidden, _))) = (vectors, vectors.packed()?) else {
            return Ok(Vec::new());
        };
        let rows = self.kept.rows(role, batch);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let hidden = if rows.len() == hidden.dim(0)? {
            hidden
        } else {
            let count = rows.len();
            hidden.index_select(&candle_core::Tensor::from_vec(rows, count, hidden.device())?, 0)?
        };
        Ok(self.inner.modules.finish(hidden)?.flatten_all()?.to_vec1()?)
    }

    /// The number of dimensions of a vector.
    pub fn dimension(&self) -> usize {
        self.inner.modules.dimension
    }

    /// Whether a score is divided by the number of the query's vectors (`meanmaxsim`).
    pub fn is_mean(&self) -> bool {
        self.mean
    }

    /// The longest document in tokens, special tokens included; longer ones are truncated.
    pub fn max_length(&self) -> usize {
        self.tokenizer.max_length()
    }

    /// Warnings about settings of the folder that are not used as its files may suggest.
    pub fn warnings(&self) -> &[String] {
        self.inner.warnings()
    }
}

/// The settings of a late-interaction model.
fn settings(checkpoint: &Checkpoint) -> Result<&LateInteraction, Error> {
    let late = checkpoint.settings().late_interaction.as_ref();
    let late = late.ok_or_else(|| Error::NotLateInteraction { path: checkpoint.path().to_owned() })?;
    match &late.invalid {
        Some(problem) => Err(Error::setting(checkpoint.usage_path(), problem.clone())),
        None => Ok(late),
    }
}

fn load(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<(Transformer, ModulePipeline), Error> {
    let options = &options.exact();
    let late = settings(checkpoint)?;
    check(checkpoint, late)?;
    remarks::check(checkpoint, options)?;
    let transformer = load_transformer(checkpoint, source, options, device)?;
    let loader = transformer_loader(checkpoint, source, options, device);
    // In half precision only the transformer is computed so on other devices.
    let dtype = if device.is_cpu() { loader.dtype } else { DType::F32 };
    let loader = Loader { dtype, in_place: false, ..loader };
    let modules = match late.format {
        LateFormat::Stanford => ModulePipeline::of_projection(&loader, transformer.width)?,
        _ => ModulePipeline::of_tokens(checkpoint, &loader, transformer.width, late)?,
    };
    Ok((transformer, modules))
}

/// Refuses folders whose modules are not those of a late-interaction model, or whose code is not run.
fn check(checkpoint: &Checkpoint, late: &LateInteraction) -> Result<(), Error> {
    let path = || checkpoint.path().to_owned();
    if late.format == LateFormat::Stanford
        && let Some(code) = checkpoint.config().get("auto_map")
    {
        let found = format!("HF_ColBERT with code of its own (`auto_map`: {code})");
        return Err(Error::Architecture { path: path(), found });
    }
    let mut dense = late.format != LateFormat::PyLate;
    for (index, module) in checkpoint.modules().iter().enumerate() {
        match module.kind.as_str() {
            "Transformer" if index == 0 => {}
            "Dense" => dense = true,
            // PyLate takes nothing else of a folder.
            "Pooling" | "Normalize" | "LayerNorm" | "Dropout" | "MultiVectorMask"
                if late.format == LateFormat::PyLate => {}
            "Normalize" | "LayerNorm" | "Dropout" | "MultiVectorMask" => {}
            kind => {
                let what = "a late-interaction model with this module";
                return Err(Error::Module { path: path(), kind: kind.to_owned(), what });
            }
        }
    }
    if dense { Ok(()) } else { Err(Error::NoProjection { path: path() }) }
}
