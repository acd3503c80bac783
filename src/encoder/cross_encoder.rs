//! Rerankers, which read a query and a document together and give the pair one score.

use super::classification;
use super::error::Error;
use super::module_pipeline::{ModulePipeline, torch_activation};
use super::open::{Encoder, load_transformer, longest, transformer_loader};
use super::options::{Options, Progress};
use super::pooling::{Mode, Pooling};
use super::source::{Loader, TensorSource};
use super::tokens::Tokens;
use super::transformer::Transformer;
use crate::checkpoint::Checkpoint;
use crate::kernel::{Activation, DType};

/// A model that scores pairs of a query and a document, as sentence-transformers' `CrossEncoder` does.
#[derive(Debug)]
pub struct CrossEncoder {
    /// The transformer with the classification head behind it, whose "embedding" is one number.
    inner: Encoder,
    activation: Activation,
    /// In front of queries.
    prompt: String,
    /// The number of token types, if tokens have some.
    types: Option<usize>,
}

impl CrossEncoder {
    /// Loads a checkpoint. Of the options, pooling and the number of dimensions are not used.
    ///
    /// # Errors
    /// A model of a class that cannot rerank, with several labels, or that cannot be loaded.
    pub fn open(checkpoint: &Checkpoint, options: &Options) -> Result<Self, Error> {
        Self::from_tensors(checkpoint, checkpoint, options)
    }

    /// Loads a reranker whose tensors come from `source`; everything else is as in `checkpoint`.
    ///
    /// # Errors
    /// Those of [`CrossEncoder::open`].
    pub fn from_tensors(checkpoint: &Checkpoint, source: &dyn TensorSource, options: &Options) -> Result<Self, Error> {
        // The head says what is pooled; here it keeps warnings about a folder without pooling away.
        let options = Options { pooling: Some(Pooling::of(Mode::Cls)), truncate_dim: None, ..options.clone() };
        let mut inner = Encoder::open_by(load, checkpoint, source, &options)?;
        let (length, most) = (inner.max_length(), longest(checkpoint, &inner.transformer));
        inner.tokenizer.set_max_pair_length(length, most)?;
        let transformer = &inner.transformer;
        if inner.tokenizer.typed && transformer.token_types && transformer.positions.is_none() {
            let problem = "the tokenizer gives tokens of a pair two types, which admix does not follow for this class";
            return Err(Error::setting(&checkpoint.path().join("tokenizer_config.json"), problem));
        }
        let types = Some(transformer.types()).filter(|types| inner.tokenizer.typed && *types > 1);
        let settings = checkpoint.settings();
        let prompt = settings.default_prompt.as_ref().and_then(|name| settings.prompts.get(name));
        Ok(Self { activation: activation(checkpoint)?, prompt: prompt.cloned().unwrap_or_default(), types, inner })
    }

    /// Replaces the weights, for example by another merge of the same models.
    ///
    /// # Errors
    /// Weights that do not fit.
    pub fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), Error> {
        self.inner.replace(checkpoint, source)
    }

    /// Frees the memory of the weights before new ones are computed. Nothing can be scored until [`CrossEncoder::replace`].
    pub fn release(&mut self) {
        self.inner.release();
    }

    /// Checks that a folder is a reranker's, as far as this shows without its weights.
    ///
    /// # Errors
    /// A model of a class that cannot rerank, or settings or modules that are not followed.
    pub fn check(checkpoint: &Checkpoint) -> Result<(), Error> {
        check(checkpoint)
    }

    /// Tokenises pairs of a query and a document, on all threads. Of a pair that is too long, the longer text is cut first.
    ///
    /// # Errors
    /// A text that the tokenizer cannot encode.
    pub fn tokenize(&self, pairs: &[(&str, &str)]) -> Result<Tokens, Error> {
        if self.prompt.is_empty() {
            return self.inner.tokenizer.encode_pairs(pairs, self.types);
        }
        let queries: Vec<String> = pairs.iter().map(|(query, _)| format!("{}{query}", self.prompt)).collect();
        let pairs: Vec<(&str, &str)> =
            queries.iter().zip(pairs).map(|(query, (_, document))| (query.as_str(), *document)).collect();
        self.inner.tokenizer.encode_pairs(&pairs, self.types)
    }

    /// Computes the score of each pair, in the order of the pairs, before the activation. A larger score is a better one.
    ///
    /// # Errors
    /// A score that is not finite, a pair that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    pub fn logits(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<Vec<f32>, Error> {
        match self.inner.encode(tokens, progress) {
            Ok(scores) => Ok(scores.values),
            Err(Error::NonFinite { excerpt, .. }) => Err(Error::NonFiniteScore { excerpt }),
            Err(error) => Err(error),
        }
    }

    /// Applies the model's activation, which keeps the order of scores.
    pub fn activate(&self, logit: f32) -> f64 {
        let logit = f64::from(logit);
        match self.activation {
            Activation::Sigmoid => 1.0 / (1.0 + libm::exp(-logit)),
            Activation::Tanh => libm::tanh(logit),
            _ => logit,
        }
    }

    /// Warnings about settings of the folder that are not used as its files may suggest.
    pub fn warnings(&self) -> &[String] {
        self.inner.warnings()
    }

    /// The longest pair in tokens, special tokens included.
    pub fn max_length(&self) -> usize {
        self.inner.max_length()
    }
}

fn load(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<(Transformer, ModulePipeline), Error> {
    check(checkpoint)?;
    let loader = transformer_loader(checkpoint, source, options, device);
    // The head of a model on a GPU stays float32.
    let dtype = if device.is_cpu() { loader.dtype } else { DType::F32 };
    let loader = Loader { dtype, in_place: false, ..loader };
    let head = classification::head_of(&loader.path, checkpoint.config())?;
    let transformer = load_transformer(checkpoint, source, options, device)?;
    let modules = classification::load(head, &loader, checkpoint.config(), transformer.width)?;
    Ok((transformer, modules))
}

/// Refuses folders whose settings or modules are not those of a reranker.
fn check(checkpoint: &Checkpoint) -> Result<(), Error> {
    classification::head_of(checkpoint.path(), checkpoint.config())?;
    let transformer = &checkpoint.settings().transformer;
    if let Some(found) = transformer.unknown.first() {
        let file = checkpoint.usage_folder().join("sentence_bert_config.json");
        return Err(Error::setting(&file, format!("{found}, which admix does not follow")));
    }
    match checkpoint.modules().iter().find(|module| module.kind != "Transformer") {
        Some(module) => Err(Error::Module {
            path: checkpoint.path().to_owned(),
            kind: module.kind.clone(),
            what: "a reranker with modules behind its classification head",
        }),
        None => Ok(()),
    }
}

/// The activation of scores.
fn activation(checkpoint: &Checkpoint) -> Result<Activation, Error> {
    let Some(found) = &checkpoint.settings().score_activation else { return Ok(Activation::Sigmoid) };
    let known = torch_activation(found.as_written());
    let monotonic = |known: &Activation| matches!(known, Activation::Sigmoid | Activation::Identity | Activation::Tanh);
    known.filter(monotonic).ok_or_else(|| {
        let problem = format!("its scores' activation is `{found}`, expected torch's Sigmoid, Identity or Tanh");
        Error::setting(checkpoint.path(), problem)
    })
}
