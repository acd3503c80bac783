//! Why a model cannot be loaded, or its embeddings not computed.

use std::path::{Path, PathBuf};

use super::architectures::listed;
use super::device::Device;
use crate::checkpoint::tokenizer_command;
use crate::diagnose::{Diagnose, ExitClass};

/// Why a model cannot be loaded, or its embeddings not computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A config.json that does not say what the model is.
    #[error("`{}` has no `model_type`", path.display())]
    NoModelType {
        /// The config.json.
        path: PathBuf,
    },
    /// An unsupported class of model.
    #[error("`{}` is a `{found}` model, which cannot be encoded with", path.display())]
    Architecture {
        /// The model folder.
        path: PathBuf,
        /// Its `model_type` or class.
        found: String,
    },
    /// A class of model that gives a pair of texts no score.
    #[error("`{}` is a `{found}` model, which cannot rerank", path.display())]
    NotReranker {
        /// The model folder.
        path: PathBuf,
        /// Its class or `model_type`.
        found: String,
        /// The classes that can.
        known: Vec<&'static str>,
    },
    /// A class of model that scores no tokens.
    #[error("`{}` is a `{found}` model, which has no scores of tokens", path.display())]
    NotSparse {
        /// The model folder.
        path: PathBuf,
        /// Its `model_type`.
        found: String,
        /// The classes that have them.
        known: Vec<&'static str>,
    },
    /// A folder that is another kind of retriever than was asked for.
    #[error("`{}` is a {found} model, asked for {asked} retrieval", path.display())]
    OtherRetrieval {
        /// The model folder.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What was asked for.
        asked: String,
    },
    /// A value of a configuration file that is missing or invalid.
    #[error("`{}`: {problem}", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// The key, what was found and what was expected.
        problem: String,
    },
    /// A model whose values overflow float16.
    #[error("`{}` is a `{found}` model, which overflows in float16", path.display())]
    Overflows {
        /// The model folder.
        path: PathBuf,
        /// Its `model_type`.
        found: String,
    },
    /// An unsupported module of a sentence-transformers folder.
    #[error("`{}` has a `{kind}` module: {what} cannot be encoded with", path.display())]
    Module {
        /// The model folder.
        path: PathBuf,
        /// The module.
        kind: String,
        /// The kind of model that has such a module.
        what: &'static str,
    },
    /// A sentence-transformers folder without a pooling module.
    #[error("`{}` has no Pooling module between its model and the embedding", path.display())]
    NoPooling {
        /// The model folder.
        path: PathBuf,
    },
    /// A folder that is not one of a late-interaction model.
    #[error("`{}` is not a late-interaction model", path.display())]
    NotLateInteraction {
        /// The model folder.
        path: PathBuf,
    },
    /// A late-interaction model without the layer that makes its vectors.
    #[error("`{}` has no Dense module, for which PyLate would take random weights", path.display())]
    NoProjection {
        /// The model folder.
        path: PathBuf,
    },
    /// A missing tensor.
    #[error("`{}` has no tensor `{tensor}`", path.display())]
    Missing {
        /// The model folder, or the folder of its module.
        path: PathBuf,
        /// The tensor's canonical name.
        tensor: String,
    },
    /// A tensor with an unexpected shape.
    #[error("`{}`: tensor `{tensor}` has shape {found:?}, expected {expected:?}", path.display())]
    Shape {
        /// The model folder, or the folder of its module.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that follows from other tensors and config.json.
        expected: Vec<usize>,
    },
    /// A folder without a tokenizer.json.
    #[error("`{}` has no tokenizer.json{}", path.display(), beside(found))]
    NoTokenizer {
        /// The folder of the transformer module.
        path: PathBuf,
        /// The tokenizer's files that exist.
        found: Vec<String>,
    },
    /// A tokenizer.json that is refused.
    #[error("`{}` is not valid: {problem}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer's reader said.
        problem: String,
    },
    /// A token beyond the rows of the embedding table.
    #[error("`{}`: token {token:?} has number {id}, but the model has {rows} token embeddings", path.display())]
    Vocabulary {
        /// The tokenizer.json.
        path: PathBuf,
        /// The token.
        token: String,
        /// Its number.
        id: u32,
        /// The rows of the table.
        rows: usize,
    },
    /// A maximum length without enough positions in the model, or with no tokens left for a text.
    #[error("the maximum length {given} is not between {least} and {most}")]
    MaxLength {
        /// The length asked for.
        given: usize,
        /// The smallest length: special tokens and one more.
        least: usize,
        /// The number of positions of the model.
        most: usize,
    },
    /// A truncation to more dimensions than an embedding has.
    #[error("embeddings cannot be cut to {given} dimensions: they have {dimension}")]
    TruncateDim {
        /// The dimensions asked for.
        given: usize,
        /// The dimensions of an embedding.
        dimension: usize,
    },
    /// An unknown name of a device.
    #[error("`{0}` is not a device; expected cpu, cuda, cuda:N or metal")]
    UnknownDevice(String),
    /// An unknown name of a pooling mode.
    #[error(
        "`{0}` is not a pooling mode; expected cls, max, mean, mean_sqrt_len_tokens, weightedmean or lasttoken, joined by `+`"
    )]
    UnknownPooling(String),
    /// A device that this build does not support.
    #[error("this build of admix has no support for {device}")]
    NotBuilt {
        /// The device.
        device: Device,
    },
    /// A device that cannot be used.
    #[error("cannot use {device}: {problem}")]
    Device {
        /// The device.
        device: Device,
        /// What its driver said.
        problem: String,
    },
    /// A text that the tokenizer cannot encode.
    #[error("`{}` cannot tokenise text {index} ({excerpt:?}): {problem}", path.display())]
    Tokenise {
        /// The tokenizer.json.
        path: PathBuf,
        /// The text, counted from 0.
        index: usize,
        /// Its beginning.
        excerpt: String,
        /// What the tokenizer said.
        problem: String,
    },
    /// An embedding with NaN or infinity in it.
    #[error("the embedding of text {index} ({excerpt:?}) is not finite")]
    NonFinite {
        /// The text, counted from 0.
        index: usize,
        /// Its beginning, as the tokenizer sees it.
        excerpt: String,
    },
    /// A score with NaN or infinity in it.
    #[error("the score of a pair ({excerpt:?}) is not finite")]
    NonFiniteScore {
        /// The beginning of the pair, as the tokenizer sees it.
        excerpt: String,
    },
    /// A single text needs more memory than the device has.
    #[error("{device} has not enough memory for a text of {tokens} tokens")]
    OutOfMemory {
        /// The device.
        device: Device,
        /// The length of the text.
        tokens: usize,
    },
    /// The caller cancelled the work.
    #[error("interrupted")]
    Cancelled,
    /// The tensor library failed.
    #[error("the model cannot be computed: {0}")]
    Compute(#[from] candle_core::Error),
}

impl Error {
    /// An error about a value of the configuration file `path`.
    pub(super) fn setting(path: &Path, problem: impl Into<String>) -> Self {
        Self::Setting { path: path.to_owned(), problem: problem.into() }
    }
}

impl Diagnose for Error {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoModelType { .. } => {
                Some(format!("admix encodes with models whose config.json says {}", listed()))
            }
            Self::Architecture { found, .. } if found.contains("CrossEncoder") => {
                Some("`admix score --rerank` scores rerankers".to_owned())
            }
            Self::Architecture { .. } => Some(format!("these can: {}", listed())),
            Self::NotReranker { known, .. } => Some(format!("these can, with one label: {}", known.join(", "))),
            Self::NotSparse { known, .. } => {
                Some(format!("sparse retrieval needs a masked language model of one of the classes {}", known.join(", ")))
            }
            Self::Overflows { .. } => Some("compute in bfloat16 or float32".to_owned()),
            Self::Module { what, .. } if what.starts_with("a late-interaction model with this") => {
                Some("admix follows Dense, LayerNorm, Normalize and MultiVectorMask behind the transformer".to_owned())
            }
            Self::Module { .. } => Some("admix encodes one dense vector a text: a transformer, pooling, Dense, LayerNorm, Normalize".to_owned()),
            Self::NoPooling { .. } => Some("--pooling mean (or cls, lasttoken, …) says how token vectors become one; check that the folder is a dense retriever and not a late-interaction model".to_owned()),
            Self::NotLateInteraction { .. } => Some("PyLate and sentence-transformers' MultiVectorEncoder write such folders, and Stanford's ColBERT".to_owned()),
            Self::NoProjection { .. } => Some("train it first, or give the folder of a trained model".to_owned()),
            Self::NoTokenizer { path, found } if !found.is_empty() => Some(format!("write one with: {}", tokenizer_command(path))),
            Self::NoTokenizer { .. } => Some("copy the tokenizer of the model it was trained from".to_owned()),
            Self::Vocabulary { .. } => Some(
                "the tokenizer belongs to another model, or tokens were added without resizing the embeddings".to_owned(),
            ),
            Self::NotBuilt { device: Device::Metal } => Some("build it with `--features metal`, on macOS".to_owned()),
            Self::NotBuilt { .. } => Some("build it with `--features cuda`, with the CUDA toolkit installed".to_owned()),
            Self::OutOfMemory { .. } => Some("a lower `--max-length` needs less".to_owned()),
            Self::NonFinite { .. } | Self::NonFiniteScore { .. } => {
                Some("a merge with large weights, or float16, can overflow; score it in float32 first".to_owned())
            }
            Self::OtherRetrieval { .. } => Some(
                "a folder is what it says it is; several kinds need heads as bge-m3 has: sparse_linear.pt, colbert_linear.pt".to_owned(),
            ),
            Self::Setting { .. }
            | Self::Missing { .. }
            | Self::Shape { .. }
            | Self::Tokenizer { .. }
            | Self::MaxLength { .. }
            | Self::TruncateDim { .. }
            | Self::UnknownDevice(_)
            | Self::UnknownPooling(_)
            | Self::Device { .. }
            | Self::Tokenise { .. }
            | Self::Cancelled
            | Self::Compute(_) => None,
        }
    }

    fn exit_class(&self) -> ExitClass {
        match self {
            Self::Cancelled => ExitClass::Interrupted,
            Self::MaxLength { .. }
            | Self::TruncateDim { .. }
            | Self::UnknownDevice(_)
            | Self::UnknownPooling(_)
            | Self::OtherRetrieval { .. }
            | Self::NotBuilt { .. } => ExitClass::Usage,
            Self::Device { .. }
            | Self::NonFinite { .. }
            | Self::NonFiniteScore { .. }
            | Self::OutOfMemory { .. }
            | Self::Compute(_) => ExitClass::Evaluation,
            Self::NoModelType { .. }
            | Self::Architecture { .. }
            | Self::NotReranker { .. }
            | Self::NotSparse { .. }
            | Self::Setting { .. }
            | Self::Overflows { .. }
            | Self::Module { .. }
            | Self::NoPooling { .. }
            | Self::NotLateInteraction { .. }
            | Self::NoProjection { .. }
            | Self::Missing { .. }
            | Self::Shape { .. }
            | Self::NoTokenizer { .. }
            | Self::Tokenizer { .. }
            | Self::Vocabulary { .. }
            | Self::Tokenise { .. } => ExitClass::Refused,
        }
    }
}

fn beside(found: &[String]) -> String {
    if found.is_empty() { String::new() } else { format!(", only {}", found.join(", ")) }
}
