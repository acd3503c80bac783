//! Weights of tokens that depend on no other token, such as inverse document frequencies: a text has those of its tokens.

use super::error::Error;
use super::source::{Loader, TensorSource};
use super::sparse_embeddings::SparseVector;
use super::tokenize::Tokenizer;
use super::tokens::Tokens;
use crate::checkpoint::{self, Checkpoint, Module};
use crate::kernel::DType;

/// The kinds of modules that are such weights.
pub(super) const KINDS: [&str; 2] = ["SparseStaticEmbedding", "IDF"];

/// sentence-transformers' `SparseStaticEmbedding`: a tokenizer, and a weight for each of its tokens.
#[derive(Debug)]
pub(super) struct TokenWeights {
    folder: String,
    pub(super) tokenizer: Tokenizer,
    weights: Vec<f32>,
}

impl TokenWeights {
    pub(super) fn load(checkpoint: &Checkpoint, source: &dyn TensorSource, module: &Module) -> Result<Self, Error> {
        let folder = checkpoint.usage_folder().join(&module.folder);
        let config = folder.join("config.json");
        if let Some(path) = module.config.get("path").filter(|path| !path.is_null()) {
            let problem = format!("`path` is {path}: weights in another file, where admix reads those beside it");
            return Err(Error::setting(&config, problem));
        }
        let refused = |error: checkpoint::Error| Error::setting(&folder, error.to_string());
        let files = checkpoint::Tokenizer::find(&folder).map_err(refused)?;
        let mut tokenizer = Tokenizer::open_module(&files)?;
        let weights = values(checkpoint, source, &module.folder)?;
        tokenizer.check_vocabulary(weights.len())?;
        Ok(Self { folder: module.folder.clone(), tokenizer, weights })
    }

    /// Replaces the weights. Existing tokens stay valid.
    pub(super) fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), Error> {
        self.weights = values(checkpoint, source, &self.folder)?;
        Ok(())
    }

    /// The number of tokens.
    pub(super) fn vocabulary(&self) -> usize {
        self.weights.len()
    }

    /// The weights of a text's tokens, each once.
    pub(super) fn of(&self, tokens: &Tokens, text: usize) -> SparseVector {
        let mut ids = tokens.get(text).to_vec();
        ids.sort_unstable();
        ids.dedup();
        let weight = |id: u32| self.weights.get(id as usize).map(|weight| (id, *weight));
        ids.into_iter().filter_map(weight).filter(|(_, weight)| *weight != 0.0).collect()
    }
}

fn values(checkpoint: &Checkpoint, source: &dyn TensorSource, folder: &str) -> Result<Vec<f32>, Error> {
    let path = checkpoint.path().join(folder);
    let device = candle_core::Device::Cpu;
    let loader =
        Loader { source, module: folder, path, device: &device, dtype: DType::F32, in_place: false, exact: true };
    match loader.shape("weight")?.as_slice() {
        &[rows] => loader.values("weight", &[rows]),
        found => Err(Error::Shape {
            path: loader.path.clone(),
            tensor: "weight".to_owned(),
            found: found.to_vec(),
            expected: vec![found.first().copied().unwrap_or(0)],
        }),
    }
}
