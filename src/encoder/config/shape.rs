//! A model as its config.json describes it, whatever its class.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::error::Error;
use super::super::names::Names;
use super::json::Json;
use super::rope::Rope;
use super::{bert, decoder, modernbert, rotary_bert};
use crate::kernel::{Activation, NormKind};

/// The `model_type`s that can be encoded with.
pub const SUPPORTED: &[&str] = &[
    "bert",
    "xlm-roberta",
    "roberta",
    "camembert",
    "distilbert",
    "mpnet",
    "modernbert",
    "new",
    "gte",
    "nomic_bert",
    "qwen2",
    "qwen3",
    "mistral",
    "llama",
    "gemma3_text",
];

/// The shape of a model, as far as its tensors do not tell it.
#[derive(Debug)]
pub(in super::super) struct Config {
    /// What its tensors are called.
    pub(in super::super) names: &'static Names,
    pub(in super::super) layers: usize,
    /// Heads of queries.
    pub(in super::super) heads: usize,
    /// Heads of keys and values; a divisor of `heads`.
    pub(in super::super) pairs: usize,
    /// The width of a head; the width of the model shared among the heads where nothing is said.
    pub(in super::super) size: Option<usize>,
    /// What scores are multiplied by; one over the root of the head's width where nothing is said.
    pub(in super::super) scale: Option<f32>,
    pub(in super::super) norm: NormStyle,
    pub(in super::super) biases: Biases,
    pub(in super::super) activation: Activation,
    /// Where the positions of a table start. Models without a table have none.
    pub(in super::super) first: Position,
    /// The longest input, where no table of positions tells it.
    pub(in super::super) longest: usize,
    /// The kinds of attention.
    pub(in super::super) patterns: Vec<Pattern>,
    /// Which of them each layer has.
    pub(in super::super) layer_patterns: Vec<usize>,
    /// Whether there is a table of token types, where the class has one.
    pub(in super::super) token_types: bool,
    /// What token embeddings are multiplied by.
    pub(in super::super) embedding_scale: Option<f32>,
    /// Whether float16 cannot hold what is computed.
    pub(in super::super) overflows: bool,
}

/// How rows are normalised all over a model.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct NormStyle {
    pub(in super::super) kind: NormKind,
    pub(in super::super) epsilon: f32,
    /// Whether norms have biases.
    pub(in super::super) shifted: bool,
    /// What is added to weights as they are stored.
    pub(in super::super) offset: f32,
}

/// Which linear layers have biases.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a tensor that is there or not")]
pub(in super::super) struct Biases {
    /// Query, key and value.
    pub(in super::super) attended: bool,
    /// From the heads back to the width of the model.
    pub(in super::super) joined: bool,
    pub(in super::super) up: bool,
    pub(in super::super) down: bool,
}

/// Which tokens attend to which.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Pattern {
    /// Only to those in front of them and to themselves.
    pub(in super::super) causal: bool,
    /// Only to those at most this far away.
    pub(in super::super) window: Option<usize>,
    /// Queries and keys are turned by their positions.
    pub(in super::super) rope: Option<Rope>,
}

/// The row of the first token's position, and the token that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Position {
    pub(in super::super) start: u32,
    /// Tokens of this number do not count and take the row of the same number.
    pub(in super::super) padding: Option<u32>,
}

type Read = fn(Json<'_>, &str) -> Result<Config, Error>;

/// What reads the configuration of each class.
static READERS: &[(&[&str], Read)] = &[
    (&["bert", "xlm-roberta", "roberta", "camembert", "distilbert", "mpnet"], bert::read),
    (&["modernbert"], modernbert::read),
    (&["new", "gte"], rotary_bert::read_gte),
    (&["nomic_bert"], rotary_bert::read_nomic),
    (&["qwen2", "qwen3", "mistral", "llama"], decoder::read),
    (&["gemma3_text"], decoder::read_gemma3),
];

impl NormStyle {
    /// Layer normalisation with biases.
    pub(in super::super) fn layer(epsilon: f32) -> Self {
        Self { kind: NormKind::Layer, epsilon, shifted: true, offset: 0.0 }
    }

    /// Division by the root mean square.
    pub(in super::super) fn rms(epsilon: f32) -> Self {
        Self { kind: NormKind::Rms, epsilon, shifted: false, offset: 0.0 }
    }
}

impl Biases {
    /// All of them.
    pub(in super::super) const ALL: Self = Self { attended: true, joined: true, up: true, down: true };
    /// None of them.
    pub(in super::super) const NONE: Self = Self { attended: false, joined: false, up: false, down: false };
}

impl Config {
    /// Reads the config.json at `path`.
    pub(in super::super) fn read(path: &Path, config: &Map<String, Value>) -> Result<Self, Error> {
        let model_type = config.get("model_type").and_then(Value::as_str);
        let model_type = model_type.ok_or_else(|| Error::NoModelType { path: path.to_owned() })?;
        let found = READERS.iter().find(|(types, _)| types.contains(&model_type));
        let (_, read) = found.ok_or_else(|| refused(path, model_type))?;
        refuse_other_uses(path, config)?;
        let json = Json { path, map: config };
        let config = read(json, model_type)?;
        if config.heads % config.pairs != 0 {
            let (heads, pairs) = (config.heads, config.pairs);
            return Err(json.refuse(format!(
                "`num_key_value_heads` is {pairs}, which does not divide the {heads} attention heads"
            )));
        }
        Ok(config)
    }
}

/// The pattern of layers of the type `full_attention`, where a model has two.
pub(super) const GLOBAL: usize = 0;
/// That of the type `sliding_attention`.
pub(super) const LOCAL: usize = 1;

/// The pattern of each layer, from `layer_types`, or from the layer's number where the file has no such list.
pub(super) fn layer_patterns(json: Json<'_>, layers: usize, of: impl Fn(usize) -> usize) -> Result<Vec<usize>, Error> {
    let Some(value) = json.find(&["layer_types"]) else { return Ok((0..layers).map(of).collect()) };
    let types = value.as_array().filter(|types| types.len() >= layers);
    let types = types.ok_or_else(|| json.refuse(format!("`layer_types` does not list {layers} layers")))?;
    let pattern = |kind: &Value| match kind.as_str() {
        Some("full_attention") => Ok(GLOBAL),
        Some("sliding_attention") => Ok(LOCAL),
        _ => Err(json.found("layer_types", kind, "full_attention or sliding_attention")),
    };
    types.iter().take(layers).map(pattern).collect()
}

/// The width of a head: `head_dim`, or the model's width shared among the heads. Halves of a head are turned, so it is even.
pub(super) fn head_size(json: Json<'_>, heads: usize) -> Result<usize, Error> {
    let size = if let Some(size) = json.number_if(&["head_dim"])? {
        size
    } else {
        let width = json.number(&["hidden_size", "n_embd"])?;
        if width % heads != 0 {
            let problem = format!("`num_attention_heads` is {heads}, which does not divide the width {width}");
            return Err(json.refuse(problem));
        }
        width / heads
    };
    if size % 2 == 0 {
        Ok(size)
    } else {
        Err(json.refuse(format!("heads have {size} numbers, expected an even number")))
    }
}

fn refused(path: &Path, found: &str) -> Error {
    Error::Architecture { path: path.parent().unwrap_or(path).to_owned(), found: found.to_owned() }
}

/// Models whose weights have these names but another meaning.
fn refuse_other_uses(path: &Path, config: &Map<String, Value>) -> Result<(), Error> {
    let json = Json { path, map: config };
    if json.flag("is_decoder", false)? {
        return Err(json.refuse("`is_decoder` is true, expected an encoder"));
    }
    let classes = config.get("architectures").and_then(Value::as_array).into_iter().flatten();
    match classes.filter_map(Value::as_str).find(|class| class.to_ascii_lowercase().contains("colbert")) {
        Some(class) => Err(refused(path, class)),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
