//! Loads an encoder.

use super::config::Config;
use super::error::Error;
use super::layers::token_embeddings::TokenEmbeddings;
use super::module_pipeline::ModulePipeline;
use super::options::Options;
use super::remarks;
use super::source::{Loader, TensorSource};
use super::static_embedding;
use super::tokenize::Tokenizer;
use super::tokens::{Role, Tokens, renumber};
use super::transformer::Transformer;
use crate::checkpoint::{self, Checkpoint, LateFormat};
use crate::kernel::DType;

/// A model that turns texts into embeddings.
#[derive(Debug)]
pub struct Encoder {
    pub(super) options: Options,
    pub(super) device: candle_core::Device,
    pub(super) tokenizer: Tokenizer,
    pub(super) transformer: Transformer,
    pub(super) modules: ModulePipeline,
    max_length: usize,
    dimension: usize,
    /// Tokenizers of queries and of documents, where those have other maximum lengths.
    of_roles: [Option<Box<Tokenizer>>; 2],
    warnings: Vec<String>,
    /// How its weights were loaded.
    load: Load,
}

/// Loads a transformer and what stands behind it.
type Load =
    fn(&Checkpoint, &dyn TensorSource, &Options, &candle_core::Device) -> Result<(Transformer, ModulePipeline), Error>;

impl Encoder {
    /// Loads a checkpoint.
    pub fn open(checkpoint: &Checkpoint, options: &Options) -> Result<Self, Error> {
        Self::from_tensors(checkpoint, checkpoint, options)
    }

    /// Loads an encoder whose tensors come from `source`; everything else is as in `checkpoint`.
    pub fn from_tensors(checkpoint: &Checkpoint, source: &dyn TensorSource, options: &Options) -> Result<Self, Error> {
        Self::open_by(load, checkpoint, source, options)
    }

    /// Loads the model by `load`, and its tokenizer beside it.
    pub(super) fn open_by(
        load: Load,
        checkpoint: &Checkpoint,
        source: &dyn TensorSource,
        options: &Options,
    ) -> Result<Self, Error> {
        let device = options.device.open()?;
        // Reading a large vocabulary takes as long as reading a large model, so both run in parallel.
        let (model, tokenizer) = std::thread::scope(|scope| {
            let tokenizer = scope.spawn(|| {
                if static_embedding::is_static(checkpoint) {
                    Tokenizer::open_bare(checkpoint)
                } else {
                    Tokenizer::open(checkpoint)
                }
            });
            (load(checkpoint, source, options, &device), tokenizer.join())
        });
        // Errors of the model come first, because without it the tokenizer does not matter.
        let (transformer, modules) = model?;
        let mut tokenizer = tokenizer.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        tokenizer.check_vocabulary(transformer.vocabulary)?;
        if static_embedding::is_static(checkpoint) {
            return Self::of_table(checkpoint, options, device, tokenizer, (transformer, modules));
        }
        if transformer.token_types {
            tokenizer.check_types()?;
        }
        let stated = checkpoint.settings().max_seq_length.filter(|_| checkpoint.settings().transformer.truncates);
        let stated = stated.and_then(|length| usize::try_from(length).ok());
        let settings = &checkpoint.settings().transformer;
        let longest = longest(checkpoint, &transformer);
        let stated = stated.unwrap_or(if settings.truncates { transformer.longest } else { longest }).min(longest);
        let max_length = options.max_length.unwrap_or(stated);
        tokenizer.set_max_length(max_length, longest)?;
        let of_role = |length: Option<u64>| {
            let length = length.filter(|_| settings.truncates && options.max_length.is_none());
            let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX).min(longest));
            let Some(length) = length.filter(|length| *length != max_length) else { return Ok(None) };
            let mut tokenizer = Box::new(tokenizer.clone());
            tokenizer.set_max_length(length, longest).map(|()| Some(tokenizer))
        };
        let of_roles = [of_role(settings.query_length)?, of_role(settings.document_length)?];
        let warnings = remarks::warnings(checkpoint, options);
        let dimension = cut(checkpoint, options, modules.dimension)?;
        Ok(Self {
            options: options.clone(),
            device,
            tokenizer,
            transformer,
            modules,
            max_length,
            dimension,
            of_roles,
            warnings,
            load,
        })
    }

    /// A static embedding: texts have any length, and settings of use are its modules' alone.
    fn of_table(
        checkpoint: &Checkpoint,
        options: &Options,
        device: candle_core::Device,
        mut tokenizer: Tokenizer,
        (transformer, modules): (Transformer, ModulePipeline),
    ) -> Result<Self, Error> {
        if let Some(length) = options.max_length {
            tokenizer.set_max_length(length, transformer.longest)?;
        }
        Ok(Self {
            options: options.clone(),
            device,
            max_length: options.max_length.unwrap_or(transformer.longest),
            dimension: cut(checkpoint, options, modules.dimension)?,
            tokenizer,
            transformer,
            modules,
            of_roles: [None, None],
            warnings: Vec::new(),
            load,
        })
    }

    /// Warnings about settings of a folder that are not used as its files may suggest, before it is loaded.
    pub fn warnings_of(checkpoint: &Checkpoint, options: &Options) -> Vec<String> {
        remarks::warnings(checkpoint, options)
    }

    /// Replaces the weights, for example by another merge of the same models. Existing tokens stay valid.
    pub fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), Error> {
        let (transformer, modules) = (self.load)(checkpoint, source, &self.options, &self.device)?;
        (self.transformer, self.modules) = (transformer, modules);
        Ok(())
    }

    /// Frees the memory of the weights before new ones are computed. Nothing can be encoded until [`Encoder::replace`].
    pub fn release(&mut self) {
        self.transformer.token_embeddings = TokenEmbeddings::Released;
        self.transformer.layers.clear();
    }

    /// The canonical name of the table of token embeddings, where the rows of tokens are looked up in it as they are.
    pub fn token_table(&self) -> Option<&str> {
        self.transformer.token_table.as_deref()
    }

    /// Numbers the tokens of texts anew, so that a table of token embeddings needs rows only for those that occur. Returns the old
    /// number of each new one.
    pub fn renumber(&self, texts: &mut [Tokens]) -> Vec<u32> {
        // Ids up to that of the padding keep their numbers, because positions may depend on it.
        let kept = self.transformer.first.padding.map_or(1, |padding| padding + 1);
        renumber(texts, kept)
    }

    /// Tokenises texts with `prompt` in front of each, on all threads.
    pub fn tokenize<T: AsRef<str> + Sync>(&self, texts: &[T], prompt: Option<&str>) -> Result<Tokens, Error> {
        self.tokenize_as(Role::Text, texts, prompt)
    }

    /// Like [`Encoder::tokenize`], for texts whose role is known.
    ///
    /// # Errors
    /// A text that the tokenizer cannot encode.
    pub fn tokenize_as<T: AsRef<str> + Sync>(
        &self,
        role: Role,
        texts: &[T],
        prompt: Option<&str>,
    ) -> Result<Tokens, Error> {
        let mut tokens = self.tokenizer_of(role).encode(texts, prompt.unwrap_or_default())?;
        tokens.role = role;
        Ok(tokens)
    }

    /// Like [`Encoder::tokenize_as`], with texts truncated to at most `most` tokens.
    ///
    /// # Errors
    /// A length that holds no token of a text, a text that the tokenizer cannot encode.
    pub fn tokenize_within<T: AsRef<str> + Sync>(
        &self,
        most: usize,
        role: Role,
        texts: &[T],
        prompt: Option<&str>,
    ) -> Result<Tokens, Error> {
        let mut tokens = self.tokenizer_of(role).within(most)?.encode(texts, prompt.unwrap_or_default())?;
        tokens.role = role;
        Ok(tokens)
    }

    fn tokenizer_of(&self, role: Role) -> &Tokenizer {
        let [queries, documents] = &self.of_roles;
        let own = match role {
            Role::Text => None,
            Role::Query => queries.as_deref(),
            Role::Document => documents.as_deref(),
        };
        own.unwrap_or(&self.tokenizer)
    }

    /// Warnings about settings of the folder that are not used as its files may suggest.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The number of dimensions of an embedding.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The maximum sequence length in tokens, special tokens included; longer texts are truncated.
    pub fn max_length(&self) -> usize {
        self.max_length
    }
}

pub(super) fn load(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<(Transformer, ModulePipeline), Error> {
    refuse_other_models(checkpoint)?;
    remarks::check(checkpoint, options)?;
    if checkpoint.settings().transformer.fills_masks {
        let problem =
            "`transformer_task` is \"fill-mask\": a masked language model, whose scores of tokens are no dense vectors";
        return Err(Error::setting(&checkpoint.usage_folder().join("sentence_bert_config.json"), problem));
    }
    let transformer = if static_embedding::is_static(checkpoint) {
        static_embedding::load(&transformer_loader(checkpoint, source, options, device), checkpoint)?
    } else {
        load_transformer(checkpoint, source, options, device)?
    };
    let modules = ModulePipeline::load(checkpoint, source, options, device, transformer.width)?;
    Ok((transformer, modules))
}

pub(super) fn transformer_loader<'a>(
    checkpoint: &'a Checkpoint,
    source: &'a dyn TensorSource,
    options: &Options,
    device: &'a candle_core::Device,
) -> Loader<'a> {
    let module = checkpoint.main_module().map_or("", |module| module.folder.as_str());
    let path = if module.is_empty() { checkpoint.path().to_owned() } else { checkpoint.path().join(module) };
    let dtype = options.dtype.filter(|dtype| *dtype != DType::F64).unwrap_or(DType::F32);
    let in_place = device.is_cpu() && !options.padded;
    Loader { source, module, path, device, dtype, in_place, exact: options.exact_products }
}

/// Loads the transformer that config.json describes.
pub(super) fn load_transformer(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<Transformer, Error> {
    let loader = transformer_loader(checkpoint, source, options, device);
    let config = read_config(checkpoint, &loader)?;
    if config.overflows && loader.dtype == DType::F16 {
        let found = checkpoint.settings().architecture.model_type.clone().unwrap_or_default();
        return Err(Error::Overflows { path: checkpoint.path().to_owned(), found });
    }
    Transformer::load(&loader, &config)
}

/// Reads the description of the transformer.
pub(super) fn read_config(checkpoint: &Checkpoint, loader: &Loader<'_>) -> Result<Config, Error> {
    let mut config = checkpoint.config().clone();
    if checkpoint.settings().late_interaction.is_some() {
        // The class of Stanford's ColBERT is a plain transformer with a layer behind it.
        config.remove("architectures");
    }
    config.extend(checkpoint.settings().transformer.model.clone());
    Config::read(&loader.path.join("config.json"), &config)
}

/// Refuses a model whose `config_sentence_transformers.json` says that it does not produce dense vectors.
fn refuse_other_models(checkpoint: &Checkpoint) -> Result<(), Error> {
    if let Some(found) = &checkpoint.settings().transformer.query_expansion {
        let file = checkpoint.usage_folder().join("sentence_bert_config.json");
        return Err(Error::setting(&file, format!("`query_expansion` is {found}: that of a late-interaction model")));
    }
    let file = checkpoint.usage_folder().join("config_sentence_transformers.json");
    let config = checkpoint::read_config(&file).ok().flatten();
    if checkpoint.settings().late_interaction.as_ref().is_some_and(|late| late.format == LateFormat::Stanford) {
        let found = "late-interaction (HF_ColBERT)".to_owned();
        return Err(Error::Architecture { path: checkpoint.path().to_owned(), found });
    }
    let found = config.as_ref().and_then(|config| config.get("model_type")).and_then(serde_json::Value::as_str);
    match found {
        None | Some("SentenceTransformer") => Ok(()),
        Some(found) => {
            let found = match found {
                "MultiVectorEncoder" => "late-interaction (MultiVectorEncoder)",
                "SparseEncoder" => "sparse (SparseEncoder)",
                "CrossEncoder" => "reranking (CrossEncoder)",
                other => other,
            };
            Err(Error::Architecture { path: checkpoint.path().to_owned(), found: found.to_owned() })
        }
    }
}

/// The number of dimensions that are kept.
fn cut(checkpoint: &Checkpoint, options: &Options, dimension: usize) -> Result<usize, Error> {
    match options.truncate_dim {
        Some(given) if given == 0 || given > dimension => Err(Error::TruncateDim { given, dimension }),
        Some(given) => Ok(given),
        // Like sentence-transformers, the folder's own setting is followed as far as possible.
        None => {
            let stated = checkpoint.settings().truncate_dim.and_then(|stated| usize::try_from(stated).ok());
            Ok(stated.filter(|stated| *stated > 0).unwrap_or(dimension).min(dimension))
        }
    }
}

/// The longest input that the model accepts. Rotary positions continue beyond the number in config.json, unless their
/// scaling depends on the length from there on.
pub(super) fn longest(checkpoint: &Checkpoint, transformer: &Transformer) -> usize {
    let of_length = ["rope_scaling", "rope_parameters"].iter().any(|key| {
        let rope = checkpoint.config().get(*key).map(ToString::to_string).unwrap_or_default();
        rope.contains("\"dynamic\"") || rope.contains("\"longrope\"")
    });
    let settings = checkpoint.settings();
    let late = settings.late_interaction.as_ref();
    let stated = [
        settings.max_seq_length,
        settings.transformer.query_length,
        settings.transformer.document_length,
        late.and_then(|late| late.query_length),
        late.and_then(|late| late.document_length),
        late.and_then(|late| late.expansion.as_ref()).map(|expansion| expansion.length),
    ];
    let stated = stated.into_iter().flatten().max().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let goes_on = checkpoint.settings().architecture.computes_positions() && !of_length;
    match goes_on {
        true if !settings.transformer.truncates => usize::MAX >> 1,
        true => transformer.longest.max(stated),
        false => transformer.longest,
    }
}
