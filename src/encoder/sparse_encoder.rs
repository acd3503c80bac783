//! Sparse retrievers, which give a text weights of tokens: SPLADE, static weights of tokens, sparse autoencoders.

use super::error::Error;
use super::mlm_head::MlmHead;
use super::module_pipeline::ModulePipeline;
use super::open::{Encoder, load_transformer, transformer_loader};
use super::options::{Options, Progress};
use super::pooling::{Mode, Pooling};
use super::remarks;
use super::source::{Loader, TensorSource};
use super::sparse_auto_encoder::SparseAutoEncoder;
use super::sparse_chain::{Chain, Steps, chains};
use super::sparse_embeddings::{SparseEmbeddings, SparseVector, keep, normalise};
use super::splade::SpladePooling;
use super::token_weights::TokenWeights;
use super::tokenize::Tokenizer;
use super::tokens::{Role, Tokens};
use super::transformer::Transformer;
use crate::checkpoint::Checkpoint;
use crate::kernel::DType;

/// A model that encodes a text to weights of some tokens, as sentence-transformers' `SparseEncoder` does.
#[derive(Debug)]
pub struct SparseEncoder {
    /// What the texts go through that have no static weights.
    model: Option<Model>,
    /// The static weights of queries and of documents.
    weights: [Option<TokenWeights>; 2],
    /// Whether vectors of queries and of documents are normalised.
    normalizes: [bool; 2],
    /// The number of entries of a vector that are kept.
    most: Option<usize>,
    vocabulary: usize,
}

/// A transformer with what stands behind it.
#[derive(Debug)]
struct Model {
    inner: Encoder,
    head: Option<Head>,
}

/// What makes weights of token vectors.
#[derive(Debug)]
enum Head {
    /// Behind each place of a text.
    Splade(Box<MlmHead>, SpladePooling),
    /// Behind the text's embedding.
    AutoEncoder(SparseAutoEncoder),
}

/// Number of texts whose static weights are looked up between two reports.
const SHARE: usize = 4096;

impl SparseEncoder {
    /// Loads a checkpoint.
    ///
    /// # Errors
    /// A model of a class that has no sparse embeddings, or that cannot be loaded.
    pub fn open(checkpoint: &Checkpoint, options: &Options) -> Result<Self, Error> {
        Self::from_tensors(checkpoint, checkpoint, options)
    }

    /// Loads a model whose tensors come from `source`; everything else is as in `checkpoint`.
    ///
    /// # Errors
    /// Those of [`SparseEncoder::open`].
    pub fn from_tensors(checkpoint: &Checkpoint, source: &dyn TensorSource, options: &Options) -> Result<Self, Error> {
        let chains = chains(checkpoint)?;
        let stated = checkpoint.settings().max_active_dims.and_then(|most| usize::try_from(most).ok());
        let most = options.max_active_dims.or(stated);
        let weights = |chain: &Chain<'_>| match chain.steps {
            Steps::Static(module) => TokenWeights::load(checkpoint, source, module).map(Some),
            Steps::Splade(_) | Steps::AutoEncoder(_) => Ok(None),
        };
        let [queries, documents] = &chains;
        let weights = [weights(queries)?, weights(documents)?];
        let with_model = chains.iter().find(|chain| !matches!(chain.steps, Steps::Static(_)));
        let model = with_model.map(|chain| Model::load(checkpoint, source, options, &chain.steps)).transpose()?;
        let sizes = weights.iter().flatten().map(TokenWeights::vocabulary).chain(model.as_ref().map(Model::vocabulary));
        let vocabulary = sizes.max().unwrap_or(0);
        Ok(Self { model, weights, normalizes: [queries.normalizes, documents.normalizes], most, vocabulary })
    }

    /// Replaces the weights, for example by another merge of the same models. Existing tokens stay valid.
    ///
    /// # Errors
    /// Weights that do not fit.
    pub fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), Error> {
        for weights in self.weights.iter_mut().flatten() {
            weights.replace(checkpoint, source)?;
        }
        let chains = chains(checkpoint)?;
        let with_model = chains.iter().find(|chain| !matches!(chain.steps, Steps::Static(_)));
        match (&mut self.model, with_model) {
            (Some(model), Some(chain)) => model.replace(checkpoint, source, &chain.steps),
            _ => Ok(()),
        }
    }

    /// Frees the memory of the weights before new ones are computed. Nothing can be encoded until [`SparseEncoder::replace`].
    pub fn release(&mut self) {
        if let Some(model) = &mut self.model {
            model.inner.release();
            model.head = None;
        }
    }

    /// Tokenises texts with `prompt` in front of each, on all threads.
    ///
    /// # Errors
    /// A text that the tokenizer cannot encode.
    pub fn tokenize<T: AsRef<str> + Sync>(
        &self,
        role: Role,
        texts: &[T],
        prompt: Option<&str>,
    ) -> Result<Tokens, Error> {
        match (self.weights_of(role), &self.model) {
            (None, Some(model)) => model.inner.tokenize_as(role, texts, prompt),
            (None, None) => Ok(Tokens::default()),
            (Some(weights), _) => {
                let mut tokens = weights.tokenizer.encode(texts, prompt.unwrap_or_default())?;
                tokens.role = role;
                Ok(tokens)
            }
        }
    }

    /// Encodes each text, in the order of the texts.
    ///
    /// # Errors
    /// A weight that is not finite, a text that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    pub fn encode(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<SparseEmbeddings, Error> {
        let mut vectors = match (self.weights_of(tokens.role), &self.model) {
            (Some(weights), _) => looked_up(weights, tokens, progress)?,
            (None, Some(model)) => model.encode(tokens, progress)?,
            (None, None) => Vec::new(),
        };
        let normalizes = self.normalizes[side(tokens.role)];
        let mut all = SparseEmbeddings::new(self.vocabulary);
        for (index, vector) in vectors.iter_mut().enumerate() {
            if !vector.iter().all(|(_, weight)| weight.is_finite()) {
                let excerpt = self.tokenizer(tokens.role).map(|tokenizer| tokenizer.excerpt(tokens.get(index)));
                return Err(Error::NonFinite { index, excerpt: excerpt.unwrap_or_default() });
            }
            if normalizes {
                normalise(vector);
            }
            keep(vector, self.most);
            all.push(vector);
        }
        Ok(all)
    }

    /// The number of tokens of the vocabulary, or of latent dimensions.
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// Whether queries take another way than documents.
    pub fn is_routed(&self) -> bool {
        self.weights[0].is_some() || self.weights[1].is_some() || self.normalizes[0] != self.normalizes[1]
    }

    /// The token with a number, where dimensions are tokens.
    pub fn token(&self, id: u32) -> Option<String> {
        if self.model.as_ref().is_some_and(|model| matches!(model.head, Some(Head::AutoEncoder(_)))) {
            return None;
        }
        self.tokenizer(Role::Document)?.token(id)
    }

    /// Warnings about settings of the folder that are not used as its files may suggest.
    pub fn warnings(&self) -> &[String] {
        self.model.as_ref().map(|model| model.inner.warnings()).unwrap_or_default()
    }

    /// The maximum sequence length in tokens, special tokens included; longer texts are truncated.
    pub fn max_length(&self) -> usize {
        self.model.as_ref().map_or(usize::MAX >> 1, |model| model.inner.max_length())
    }

    fn weights_of(&self, role: Role) -> Option<&TokenWeights> {
        self.weights[side(role)].as_ref()
    }

    fn tokenizer(&self, role: Role) -> Option<&Tokenizer> {
        let own = self.weights_of(role).map(|weights| &weights.tokenizer);
        own.or(self.model.as_ref().map(|model| &model.inner.tokenizer))
    }
}

/// Which of the two routes texts take. Those without a role take that of documents.
fn side(role: Role) -> usize {
    usize::from(role != Role::Query)
}

fn looked_up(weights: &TokenWeights, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<Vec<SparseVector>, Error> {
    let mut found = Vec::with_capacity(tokens.len());
    for start in (0..tokens.len()).step_by(SHARE) {
        let texts = start..(start + SHARE).min(tokens.len());
        let (count, total) = (texts.len(), texts.clone().map(|text| tokens.length(text)).sum());
        found.extend(texts.map(|text| weights.of(tokens, text)));
        if progress(count, total).is_break() {
            return Err(Error::Cancelled);
        }
    }
    Ok(found)
}

impl Model {
    fn load(
        checkpoint: &Checkpoint,
        source: &dyn TensorSource,
        options: &Options,
        steps: &Steps<'_>,
    ) -> Result<Self, Error> {
        let options = match steps {
            // The head says what is pooled; here it keeps warnings about a folder without pooling away.
            Steps::Splade(_) => {
                Options { pooling: Some(Pooling::of(Mode::Cls)), truncate_dim: None, ..options.clone() }
            }
            _ => Options { truncate_dim: None, ..options.clone() },
        };
        let load = if matches!(steps, Steps::Splade(_)) { load_tokens } else { load_embedding };
        let inner = Encoder::open_by(load, checkpoint, source, &options)?;
        let head = Some(load_head(checkpoint, source, &inner, steps)?);
        Ok(Self { inner, head })
    }

    fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource, steps: &Steps<'_>) -> Result<(), Error> {
        self.inner.replace(checkpoint, source)?;
        self.head = Some(load_head(checkpoint, source, &self.inner, steps)?);
        Ok(())
    }

    fn vocabulary(&self) -> usize {
        match &self.head {
            Some(Head::Splade(head, _)) => head.vocabulary(),
            Some(Head::AutoEncoder(encoder)) => encoder.latents(),
            None => 0,
        }
    }

    fn encode(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<Vec<SparseVector>, Error> {
        let mut all = vec![SparseVector::new(); tokens.len()];
        let plain = self.inner.padded();
        let head = self.head.as_ref();
        let head = head.ok_or_else(|| candle_core::Error::Msg("the weights were given back".to_owned()))?;
        self.inner.encode_batches(
            tokens,
            progress,
            &|vectors, threads| match head {
                Head::Splade(head, pooling) => pooling.forward(head, vectors, plain, threads),
                Head::AutoEncoder(encoder) => encoder.forward(self.inner.pooled(vectors, tokens)?, &self.inner.device),
            },
            &mut |texts, batch| {
                for (&text, vector) in texts.iter().zip(batch) {
                    if let Some(place) = all.get_mut(text) {
                        *place = vector;
                    }
                }
                Ok(())
            },
        )?;
        Ok(all)
    }
}

/// Loads the transformer alone, whose token vectors the head takes.
fn load_tokens(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<(Transformer, ModulePipeline), Error> {
    let options = &options.exact();
    remarks::check(checkpoint, options)?;
    let transformer = load_transformer(checkpoint, source, options, device)?;
    let modules = ModulePipeline::of_steps(Pooling::of(Mode::Cls), Vec::new(), transformer.width, transformer.width);
    Ok((transformer, modules))
}

/// Loads the transformer and the modules that make an embedding of token vectors.
fn load_embedding(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<(Transformer, ModulePipeline), Error> {
    let options = &options.exact();
    remarks::check(checkpoint, options)?;
    let transformer = load_transformer(checkpoint, source, options, device)?;
    let modules = ModulePipeline::load(checkpoint, source, options, device, transformer.width)?;
    Ok((transformer, modules))
}

fn load_head(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    inner: &Encoder,
    steps: &Steps<'_>,
) -> Result<Head, Error> {
    let Encoder { options, device, transformer, modules, .. } = inner;
    let loader = transformer_loader(checkpoint, source, &options.exact(), device);
    // The head of a model on a GPU stays float32.
    let dtype = if device.is_cpu() { loader.dtype } else { DType::F32 };
    match steps {
        Steps::AutoEncoder(module) => {
            let path = checkpoint.path().join(&module.folder);
            let loader = Loader { module: &module.folder, path, dtype, in_place: false, ..loader };
            let encoder = SparseAutoEncoder::load(&loader, module, modules.dimension, options.max_active_dims)?;
            Ok(Head::AutoEncoder(encoder))
        }
        Steps::Splade(pooling) => {
            let loader = Loader { dtype, ..loader };
            let mut config = checkpoint.config().clone();
            config.extend(checkpoint.settings().transformer.model.clone());
            let head = MlmHead::load(&loader, &config, transformer.width)?;
            Ok(Head::Splade(Box::new(head), *pooling))
        }
        Steps::Static(_) => Err(Error::setting(checkpoint.path(), "it has no transformer")),
    }
}
