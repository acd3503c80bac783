//! Heads of masked language models, which score every token of the vocabulary at every place of a text.

use serde_json::{Map, Value};

use super::config::{Config, Json, NormStyle};
use super::error::Error;
use super::layers::linear::Linear;
use super::layers::norm::Norm;
use super::layers::token_embeddings::TokenEmbeddings;
use super::source::Loader;
use crate::kernel::Activation;

/// The names of a head's tensors.
#[derive(Debug)]
struct Names {
    /// The values of `model_type`.
    model_types: &'static [&'static str],
    /// The layer in front of the scores with its norm; `EuroBERT` has none.
    transform: Option<Transform>,
    /// The scores of tokens. Where a file does not have these weights, they are the token embeddings.
    decoder: &'static str,
    /// The bias of the scores, which files may have under either name.
    biases: [&'static str; 2],
}

#[derive(Debug)]
struct Transform {
    dense: &'static str,
    norm: &'static str,
    /// The key of config.json that names the activation; the exact GELU without one.
    activation: Option<&'static str>,
    /// The key of config.json with the norm's epsilon, and its default.
    epsilon: (&'static str, f64),
}

const fn transform(dense: &'static str, norm: &'static str, activation: Option<&'static str>) -> Transform {
    Transform { dense, norm, activation, epsilon: ("layer_norm_eps", 1e-12) }
}

const CLS: [&str; 2] = ["cls.predictions.decoder.bias", "cls.predictions.bias"];
const LM: [&str; 2] = ["lm_head.decoder.bias", "lm_head.bias"];

static HEADS: &[Names] = &[
    Names {
        model_types: &["bert", "deberta-v2"],
        transform: Some(transform(
            "cls.predictions.transform.dense",
            "cls.predictions.transform.LayerNorm",
            Some("hidden_act"),
        )),
        decoder: "cls.predictions.decoder.weight",
        biases: CLS,
    },
    Names {
        model_types: &["deberta-v2"],
        transform: Some(transform(
            "lm_predictions.lm_head.dense",
            "lm_predictions.lm_head.LayerNorm",
            Some("hidden_act"),
        )),
        decoder: "lm_predictions.lm_head.decoder.weight",
        biases: ["lm_predictions.lm_head.bias"; 2],
    },
    Names {
        model_types: &["roberta", "xlm-roberta", "camembert", "mpnet"],
        transform: Some(transform("lm_head.dense", "lm_head.layer_norm", None)),
        decoder: "lm_head.decoder.weight",
        biases: LM,
    },
    Names {
        model_types: &["gte", "new"],
        transform: Some(transform("lm_head.dense", "lm_head.norm", None)),
        decoder: "lm_head.decoder.weight",
        biases: LM,
    },
    Names {
        model_types: &["distilbert"],
        transform: Some(Transform {
            dense: "vocab_transform",
            norm: "vocab_layer_norm",
            activation: Some("activation"),
            epsilon: ("", 1e-12),
        }),
        decoder: "vocab_projector.weight",
        biases: ["vocab_projector.bias"; 2],
    },
    Names {
        model_types: &["modernbert"],
        transform: Some(Transform {
            dense: "head.dense",
            norm: "head.norm",
            activation: Some("classifier_activation"),
            epsilon: ("norm_eps", 1e-5),
        }),
        decoder: "decoder.weight",
        biases: ["decoder.bias"; 2],
    },
    Names {
        model_types: &["electra"],
        transform: Some(transform("generator_predictions.dense", "generator_predictions.LayerNorm", None)),
        decoder: "generator_lm_head.weight",
        biases: ["generator_lm_head.bias"; 2],
    },
    Names {
        model_types: &["albert"],
        transform: Some(transform("predictions.dense", "predictions.LayerNorm", Some("hidden_act"))),
        decoder: "predictions.decoder.weight",
        biases: ["predictions.decoder.bias", "predictions.bias"],
    },
    Names { model_types: &["eurobert"], transform: None, decoder: "lm_head.weight", biases: ["lm_head.bias"; 2] },
];

/// The classes of models that have such a head, as the `model_type` of config.json calls them.
pub fn sparse_classes() -> Vec<&'static str> {
    let mut all: Vec<&str> = HEADS.iter().flat_map(|head| head.model_types).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The head of a masked language model.
#[derive(Debug)]
pub(super) struct MlmHead {
    pub(super) transform: Option<(Linear, Activation, Norm)>,
    /// The weights of the scores, a row for each token.
    pub(super) decoder: TokenEmbeddings,
    /// The bias of the scores, zeros if there is none.
    pub(super) bias: Vec<f32>,
    /// The width of a row of the decoder.
    pub(super) width: usize,
}

impl MlmHead {
    /// Loads the head behind a transformer of width `width`.
    pub(super) fn load(loader: &Loader<'_>, config: &Map<String, Value>, width: usize) -> Result<Self, Error> {
        let path = loader.path.join("config.json");
        let json = Json { path: &path, map: config };
        let names = names(loader, json)?;
        let table = Config::read(&path, config)?.names.token_table(loader);
        let decoder = if loader.has(names.decoder) { names.decoder } else { tied(json, loader, names, table)? };
        let (vocabulary, inner) = loader.dimensions(decoder)?;
        let transform = match &names.transform {
            Some(names) => Some(names.load(loader, json, width, inner)?),
            None => None,
        };
        if transform.is_none() && inner != width {
            let problem = format!("tensor `{decoder}` has rows of {inner}, but the model's vectors have {width}");
            return Err(Error::setting(&loader.path.join("model.safetensors"), problem));
        }
        let bias = match names.biases.iter().find(|name| loader.has(name)) {
            Some(name) => loader.values(name, &[vocabulary])?,
            None => vec![0.0; vocabulary],
        };
        Ok(Self {
            transform,
            decoder: TokenEmbeddings::plain(loader, decoder, (vocabulary, inner))?,
            bias,
            width: inner,
        })
    }

    /// The number of tokens.
    pub(super) fn vocabulary(&self) -> usize {
        self.bias.len()
    }
}

impl Transform {
    fn load(
        &self,
        loader: &Loader<'_>,
        json: Json<'_>,
        width: usize,
        inner: usize,
    ) -> Result<(Linear, Activation, Norm), Error> {
        let activation = match self.activation {
            Some(key) => json.activation(&[key], Activation::Gelu)?,
            None => Activation::Gelu,
        };
        let has_bias = |name: &str| loader.has(&format!("{name}.bias"));
        let linear = Linear::load(loader, self.dense, width, inner, has_bias(self.dense))?;
        let (key, default) = self.epsilon;
        let style = NormStyle { shifted: has_bias(self.norm), ..NormStyle::layer(json.epsilon(&[key], default)?) };
        Ok((linear, activation, Norm::load(loader, self.norm, inner, style)?))
    }
}

/// The names of the head that a model has.
fn names(loader: &Loader<'_>, json: Json<'_>) -> Result<&'static Names, Error> {
    let kind = json.text("model_type").unwrap_or_default();
    let mut of_class = HEADS.iter().filter(|head| head.model_types.contains(&kind)).peekable();
    let first = of_class.peek().copied();
    let has =
        |head: &&Names| head.transform.as_ref().is_none_or(|names| loader.has(&format!("{}.weight", names.dense)));
    of_class.find(has).or(first).ok_or_else(|| Error::NotSparse {
        path: loader.path.clone(),
        found: kind.to_owned(),
        known: sparse_classes(),
    })
}

/// The table of token embeddings, which is the decoder of most models.
fn tied(json: Json<'_>, loader: &Loader<'_>, names: &Names, table: &'static str) -> Result<&'static str, Error> {
    if json.flag("tie_word_embeddings", true)? {
        return Ok(table);
    }
    Err(Error::Missing { path: loader.path.clone(), tensor: names.decoder.to_owned() })
}
