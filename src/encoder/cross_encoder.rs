//! Rerankers, which read a query and a document together and give the pair one score.

use serde_json::Value;

use super::classification::{self, Head};
use super::error::Error;
use super::logit_score;
use super::module_pipeline::{ModulePipeline, torch_activation};
use super::open::{Encoder, load_transformer, longest, transformer_loader};
use super::options::{Options, Progress};
use super::pair_template::{Context, PairTemplate, Refused};
use super::pooling::{Mode, Pooling};
use super::source::{Loader, TensorSource};
use super::tokenize::configuration;
use super::tokens::Tokens;
use super::transformer::Transformer;
use crate::checkpoint::Checkpoint;
use crate::kernel::{Activation, DType};

/// A model that scores pairs of a query and a document, as sentence-transformers' `CrossEncoder` does.
#[derive(Debug)]
pub struct CrossEncoder {
    /// The transformer with the head behind it, whose "embedding" is one number.
    inner: Encoder,
    activation: Activation,
    /// In front of queries, or the system's message of a template.
    prompt: String,
    /// The number of token types, if tokens have some.
    types: Option<usize>,
    /// The text that a pair becomes, and the tokens that it always ends with.
    template: Option<(PairTemplate, Vec<u32>)>,
    /// A token that counts as padding at the end of a pair.
    padding: Option<u32>,
    warnings: Vec<String>,
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
        let mut warnings = Vec::new();
        let template = template(checkpoint, &mut warnings)?;
        // The head says what is pooled; here it keeps warnings about a folder without pooling away.
        let options = Options { pooling: Some(Pooling::of(Mode::Cls)), truncate_dim: None, ..options.clone() };
        let mut inner = Encoder::open_by(load, checkpoint, source, &options)?;
        let (length, most) = (inner.max_length(), longest(checkpoint, &inner.transformer));
        if template.is_none() {
            inner.tokenizer.set_max_pair_length(length, most)?;
        }
        let transformer = &inner.transformer;
        if inner.tokenizer.typed && transformer.token_types && transformer.positions.is_none() {
            let problem = "the tokenizer gives tokens of a pair two types, which admix does not follow for this class";
            return Err(Error::setting(&checkpoint.path().join("tokenizer_config.json"), problem));
        }
        let types = Some(transformer.types()).filter(|types| inner.tokenizer.typed && *types > 1);
        let of_end = |template: PairTemplate| {
            let fill = |filler: &str| template.fill(filler, filler);
            let end = inner.tokenizer.shared_end(&fill("0"), &fill("1 2 3 4"))?;
            Ok::<_, Error>((template, end))
        };
        warnings.extend(inner.warnings().iter().cloned());
        Ok(Self {
            activation: activation(checkpoint)?,
            prompt: prompt(checkpoint),
            types,
            template: template.map(of_end).transpose()?,
            padding: padding(checkpoint),
            warnings,
            inner,
        })
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
        check(checkpoint).map(drop)?;
        template(checkpoint, &mut Vec::new()).map(drop)
    }

    /// Tokenises pairs of a query and a document, on all threads. Of a pair that is too long, the longer text is cut first;
    /// where a template makes one text of them, its end.
    ///
    /// # Errors
    /// A text that the tokenizer cannot encode.
    pub fn tokenize(&self, pairs: &[(&str, &str)]) -> Result<Tokens, Error> {
        let tokens = if let Some((template, end)) = &self.template {
            let texts: Vec<String> = pairs.iter().map(|(query, document)| template.fill(query, document)).collect();
            self.inner.tokenizer.encode_rendered(&texts, end)?
        } else if self.prompt.is_empty() {
            self.inner.tokenizer.encode_pairs(pairs, self.types)?
        } else {
            let queries: Vec<String> = pairs.iter().map(|(query, _)| format!("{}{query}", self.prompt)).collect();
            let pairs: Vec<(&str, &str)> =
                queries.iter().zip(pairs).map(|(query, (_, document))| (query.as_str(), *document)).collect();
            self.inner.tokenizer.encode_pairs(&pairs, self.types)?
        };
        Ok(match self.padding {
            Some(padding) => tokens.without_last(padding),
            None => tokens,
        })
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
        &self.warnings
    }

    /// The longest pair in tokens, special tokens included.
    pub fn max_length(&self) -> usize {
        self.inner.max_length()
    }
}

/// What makes a score of token vectors.
#[derive(Clone, Copy)]
enum Scorer {
    /// A classification head.
    Head(&'static Head),
    /// The logits of a language model.
    Logits,
}

impl Scorer {
    fn of(checkpoint: &Checkpoint) -> Result<Self, Error> {
        if logit_score::is_of(checkpoint.config()) {
            return Ok(Self::Logits);
        }
        classification::head_of(checkpoint.path(), checkpoint.config()).map(Self::Head)
    }
}

fn load(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<(Transformer, ModulePipeline), Error> {
    let options = &options.exact();
    let scorer = check(checkpoint)?;
    let loader = transformer_loader(checkpoint, source, options, device);
    // The head of a model on a GPU stays float32.
    let dtype = if device.is_cpu() { loader.dtype } else { DType::F32 };
    let loader = Loader { dtype, in_place: false, ..loader };
    let transformer = load_transformer(checkpoint, source, options, device)?;
    let modules = match scorer {
        Scorer::Head(head) => classification::load(head, &loader, checkpoint.config(), transformer.width)?,
        Scorer::Logits => logit_score::load(&loader, checkpoint, transformer.width)?,
    };
    Ok((transformer, modules))
}

/// Refuses folders whose settings or modules are not those of a reranker.
fn check(checkpoint: &Checkpoint) -> Result<Scorer, Error> {
    let scorer = Scorer::of(checkpoint)?;
    let transformer = &checkpoint.settings().transformer;
    if let Some(found) = transformer.unknown.first() {
        let file = checkpoint.usage_folder().join("sentence_bert_config.json");
        return Err(Error::setting(&file, format!("{found}, which admix does not follow")));
    }
    let is_known =
        |kind: &str| kind == "Transformer" || (matches!(scorer, Scorer::Logits) && kind == logit_score::KIND);
    match checkpoint.modules().iter().find(|module| !is_known(&module.kind)) {
        Some(module) => Err(Error::Module {
            path: checkpoint.path().to_owned(),
            kind: module.kind.clone(),
            what: "a reranker with modules behind its head",
        }),
        None => Ok(scorer),
    }
}

/// The prompt that a folder has for every pair.
fn prompt(checkpoint: &Checkpoint) -> String {
    let settings = checkpoint.settings();
    let prompt = settings.default_prompt.as_ref().and_then(|name| settings.prompts.get(name));
    prompt.cloned().unwrap_or_default()
}

/// The token that counts as padding: classes with a score head read the last token that is another one.
fn padding(checkpoint: &Checkpoint) -> Option<u32> {
    match Scorer::of(checkpoint) {
        Ok(Scorer::Head(head)) if classification::reads_last_token(head) => {
            checkpoint.config().get("pad_token_id")?.as_u64()?.try_into().ok()
        }
        _ => None,
    }
}

/// The text that a pair becomes, where the folder has a chat template, as sentence-transformers does.
fn template(checkpoint: &Checkpoint, warnings: &mut Vec<String>) -> Result<Option<PairTemplate>, Error> {
    let scorer = Scorer::of(checkpoint)?;
    let settings = &checkpoint.settings().transformer;
    let file = checkpoint.tokenizer().home().join("tokenizer_config.json");
    let path = checkpoint.path().display();
    let refused = |problem: String| Error::setting(&file, problem);
    let is_qwen3 = checkpoint.config().get("model_type").and_then(Value::as_str) == Some("qwen3");
    // A folder of sentence-transformers says whether it uses the template.
    let is_said = settings.classifies || settings.continues;
    let text = checkpoint.tokenizer().chat_template().map_err(|error| refused(error.to_string()))?;
    let text = text.filter(|_| !is_said || settings.is_message);
    let found = text.map(|text| PairTemplate::of(&text, &context(checkpoint)));
    match (found, scorer) {
        (Some(Ok(template)), _) => Ok(Some(template)),
        (None | Some(Err(Refused::Dropped(_))), Scorer::Logits) if is_qwen3 && !is_said => {
            warnings.push(format!(
                "`{path}` has no chat template for a query and a document: pairs are put as Qwen3-Reranker's authors publish it"
            ));
            Ok(Some(PairTemplate::qwen3(&prompt(checkpoint))))
        }
        (None, _) => Ok(None),
        (Some(Err(Refused::Dropped(role))), Scorer::Head(_)) if !is_said => {
            warnings.push(format!(
                "`{path}` has a chat template without a place for a `{role}`: query and document are taken as a plain pair"
            ));
            Ok(None)
        }
        (Some(Err(Refused::Dropped(role))), _) => Err(refused(format!(
            "the chat template has no place for the role `{role}`, expected `query` and `document`"
        ))),
        (Some(Err(Refused::Failed(reason))), _) => Err(refused(format!("the chat template cannot be used: {reason}"))),
    }
}

/// What a chat template is rendered with.
fn context(checkpoint: &Checkpoint) -> Context {
    let config = configuration(checkpoint).unwrap_or_default();
    let token = |value: &Value| value.as_str().or_else(|| value.get("content")?.as_str()).map(Value::from);
    let tokens = config.iter().filter(|(name, _)| name.ends_with("_token"));
    let mut values: serde_json::Map<String, Value> =
        tokens.filter_map(|(name, value)| Some((name.clone(), token(value)?))).collect();
    let settings = &checkpoint.settings().transformer;
    values.extend(settings.template.iter().map(|(name, value)| (name.clone(), value.clone())));
    Context { system: prompt(checkpoint), values, structured: settings.structured }
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
