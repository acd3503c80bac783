//! Models with a dense, a sparse and a late-interaction head behind one transformer, as `FlagEmbedding` uses bge-m3.

use std::collections::HashSet;

use super::batch::Batch;
use super::embed::TokenVectors;
use super::embeddings::Embeddings;
use super::error::Error;
use super::hybrid_vectors::HybridVectors;
use super::layers::linear::Linear;
use super::module_pipeline::{ModulePipeline, Step, normalize};
use super::multi_vectors::MultiVectors;
use super::open::{Encoder, load, load_transformer, transformer_loader};
use super::options::{Options, Progress};
use super::pooling::{Mode, Pooling};
use super::remarks;
use super::source::{Loader, TensorSource};
use super::sparse_embeddings::{SparseEmbeddings, SparseVector, keep};
use super::tokenize::configuration;
use super::tokens::{Role, Tokens};
use super::transformer::Transformer;
use crate::checkpoint::{Checkpoint, TokenizerClass, special_token};
use crate::kernel::{Activation, DType};
use crate::retrieval::{Retrieval, RetrievalKind};

/// The files of the heads, without their endings.
pub(super) const SPARSE: &str = "sparse_linear";
pub(super) const LATE: &str = "colbert_linear";

/// Tokens that have no sparse weight.
const WITHOUT_WEIGHT: [&str; 4] = ["cls_token", "eos_token", "pad_token", "unk_token"];

/// A model that encodes a text to a dense vector, to weights of its tokens, and to one vector a token, in one pass.
#[derive(Debug)]
pub struct HybridEncoder {
    inner: Encoder,
    /// The heads that were asked for.
    sparse: Option<Linear>,
    late: Option<Linear>,
    retrieval: Retrieval,
    /// The tokens without a sparse weight.
    without_weight: HashSet<u32>,
}

/// What one text is encoded to.
struct OfText {
    dense: Vec<f32>,
    sparse: SparseVector,
    late: Vec<f32>,
}

impl HybridEncoder {
    /// Whether a folder has the head that a kind of retrieval needs besides the dense one.
    pub fn has(checkpoint: &Checkpoint, kind: RetrievalKind) -> bool {
        let head = match kind {
            RetrievalKind::Dense => return true,
            RetrievalKind::Sparse => SPARSE,
            RetrievalKind::Late => LATE,
        };
        checkpoint.heads().iter().any(|module| module.folder == head)
    }

    /// Loads a model whose tensors come from `source`, with the heads that `retrieval` needs; everything else is as in
    /// `checkpoint`.
    ///
    /// # Errors
    /// A head that is missing, or a model that cannot be loaded.
    pub fn from_tensors(
        checkpoint: &Checkpoint,
        source: &dyn TensorSource,
        options: &Options,
        retrieval: Retrieval,
    ) -> Result<Self, Error> {
        let mut options = options.clone();
        if !checkpoint.is_sentence_transformers() {
            // Without modules.json it is FlagEmbedding that says what is pooled; this keeps the warning away.
            options.pooling.get_or_insert(Pooling::of(Mode::Cls));
        }
        let inner = Encoder::open_by(load_dense, checkpoint, source, &options)?;
        let (sparse, late) = load_heads(checkpoint, source, &inner, retrieval)?;
        let without_weight = without_weight(checkpoint, &inner)?;
        Ok(Self { inner, sparse, late, retrieval, without_weight })
    }

    /// Replaces the weights, for example by another merge of the same models. Existing tokens stay valid.
    ///
    /// # Errors
    /// Weights that do not fit.
    pub fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), Error> {
        self.inner.replace(checkpoint, source)?;
        (self.sparse, self.late) = load_heads(checkpoint, source, &self.inner, self.retrieval)?;
        Ok(())
    }

    /// Frees the memory of the weights before new ones are computed. Nothing can be encoded until [`HybridEncoder::replace`].
    pub fn release(&mut self) {
        self.inner.release();
        (self.sparse, self.late) = (None, None);
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
        self.inner.tokenize_as(role, texts, prompt)
    }

    /// Encodes each text, in the order of the texts.
    ///
    /// # Errors
    /// A value that is not finite, a text that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    pub fn encode(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<HybridVectors, Error> {
        let mut texts: Vec<Option<OfText>> = (0..tokens.len()).map(|_| None).collect();
        self.inner.encode_batches(
            tokens,
            progress,
            &|vectors, _| self.of_batch(vectors, tokens),
            &mut |indices, batch| {
                for (&index, text) in indices.iter().zip(batch) {
                    let finite = |values: &[f32]| values.iter().all(|x| x.is_finite());
                    if !(finite(&text.dense) && finite(&text.late) && text.sparse.iter().all(|(_, x)| x.is_finite())) {
                        let excerpt = self.inner.tokenizer.excerpt(tokens.get(index));
                        return Err(Error::NonFinite { index, excerpt });
                    }
                    if let Some(place) = texts.get_mut(index) {
                        *place = Some(text);
                    }
                }
                Ok(())
            },
        )?;
        let mut all = self.none();
        for text in texts.into_iter().flatten() {
            if let Some(dense) = &mut all.dense {
                dense.values.extend(text.dense.get(..dense.dimension).unwrap_or(&text.dense));
            }
            if let Some(sparse) = &mut all.sparse {
                sparse.push(&text.sparse);
            }
            if let Some(late) = &mut all.late {
                late.push(&text.late);
            }
        }
        Ok(all)
    }

    /// The vectors of no texts.
    pub fn none(&self) -> HybridVectors {
        let counts = |kind| self.retrieval.weight(kind).is_some();
        let late = self.late.as_ref().map_or(0, Linear::outputs);
        HybridVectors {
            dense: counts(RetrievalKind::Dense)
                .then(|| Embeddings { dimension: self.inner.dimension(), values: Vec::new() }),
            sparse: counts(RetrievalKind::Sparse).then(|| SparseEmbeddings::new(self.inner.transformer.vocabulary)),
            late: counts(RetrievalKind::Late).then(|| MultiVectors { dimension: late, ..MultiVectors::default() }),
        }
    }

    /// How documents are found.
    pub fn retrieval(&self) -> Retrieval {
        self.retrieval
    }

    /// The number of dimensions of a token's vector; 0 without that head.
    pub fn late_dimension(&self) -> usize {
        self.late.as_ref().map_or(0, Linear::outputs)
    }

    /// The token with a number.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.tokenizer.token(id)
    }

    /// Warnings about settings of the folder that are not used as its files may suggest.
    pub fn warnings(&self) -> &[String] {
        self.inner.warnings()
    }

    /// The maximum sequence length in tokens, special tokens included; longer texts are truncated.
    pub fn max_length(&self) -> usize {
        self.inner.max_length()
    }

    fn of_batch(&self, vectors: &TokenVectors<'_>, tokens: &Tokens) -> Result<Vec<OfText>, Error> {
        let width = self.inner.modules.dimension;
        let dense = match self.retrieval.weight(RetrievalKind::Dense) {
            Some(_) => self.inner.pooled(vectors, tokens)?,
            None => Vec::new(),
        };
        let rows = |text: usize| dense.get(text * width..(text + 1) * width).unwrap_or_default().to_vec();
        let (TokenVectors::Rows(_, batch), Some((hidden, lengths))) = (vectors, vectors.packed()?) else {
            let empty = |text| OfText { dense: rows(text), sparse: Vec::new(), late: Vec::new() };
            return Ok((0..vectors.texts()).map(empty).collect());
        };
        let weights = match &self.sparse {
            Some(head) => head.forward(&hidden, Activation::Relu)?.flatten_all()?.to_vec1::<f32>()?,
            None => Vec::new(),
        };
        let late = match &self.late {
            Some(head) => normalize(&head.forward(&hidden, Activation::Identity)?)?.flatten_all()?.to_vec1::<f32>()?,
            None => Vec::new(),
        };
        let (mut all, mut first, size) = (Vec::with_capacity(lengths.len()), 0, self.late_dimension());
        for (text, ids) in ids(batch).into_iter().enumerate() {
            let (start, end) = (first, first + ids.len());
            // The first token stands for the whole text.
            let late = late.get((start + 1) * size..end * size).unwrap_or_default().to_vec();
            let sparse = self.lexical(ids, weights.get(start..end).unwrap_or_default());
            all.push(OfText { dense: rows(text), sparse, late });
            first = end;
        }
        Ok(all)
    }

    /// The greatest weight of each token of a text.
    fn lexical(&self, ids: &[u32], weights: &[f32]) -> SparseVector {
        let counts =
            |(id, weight): &(u32, f32)| !self.without_weight.contains(id) && (*weight > 0.0 || weight.is_nan());
        let mut found: SparseVector = ids.iter().copied().zip(weights.iter().copied()).filter(counts).collect();
        found.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        found.dedup_by_key(|(id, _)| *id);
        keep(&mut found, self.inner.options.max_active_dims);
        found
    }
}

/// The tokens of each text of a batch.
fn ids(batch: &Batch) -> Vec<&[u32]> {
    let mut first = 0;
    let of_text = |&length: &usize| {
        let start = first;
        first += batch.padding.as_ref().map_or(length, |padding| padding.width);
        batch.ids.get(start..start + length).unwrap_or_default()
    };
    batch.lengths.iter().map(of_text).collect()
}

/// Loads the transformer, and the modules of the dense vector.
fn load_dense(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    options: &Options,
    device: &candle_core::Device,
) -> Result<(Transformer, ModulePipeline), Error> {
    let options = &options.exact();
    if checkpoint.is_sentence_transformers() {
        return load(checkpoint, source, options, device);
    }
    remarks::check(checkpoint, options)?;
    let transformer = load_transformer(checkpoint, source, options, device)?;
    let pooling = options.pooling.clone().unwrap_or_else(|| Pooling::of(Mode::Cls));
    let modules = ModulePipeline::of_steps(pooling, vec![Step::Normalize], transformer.width, transformer.width);
    Ok((transformer, modules))
}

fn load_heads(
    checkpoint: &Checkpoint,
    source: &dyn TensorSource,
    inner: &Encoder,
    retrieval: Retrieval,
) -> Result<(Option<Linear>, Option<Linear>), Error> {
    let Encoder { options, device, transformer, .. } = inner;
    let loader = transformer_loader(checkpoint, source, options, device);
    // The heads of a model on a GPU stay float32.
    let dtype = if device.is_cpu() { loader.dtype } else { DType::F32 };
    let head = |kind: RetrievalKind, folder: &str| -> Result<Option<Linear>, Error> {
        if retrieval.weight(kind).is_none() {
            return Ok(None);
        }
        let path = checkpoint.path().join(format!("{folder}.pt"));
        let loader = Loader { source, module: folder, path, device, dtype, in_place: false, exact: true };
        let (outputs, _) = loader.dimensions("weight")?;
        let expected = if kind == RetrievalKind::Sparse { 1 } else { outputs };
        let layer = Linear::of_names(&loader, ("weight", Some("bias")), transformer.width, expected)?;
        Ok(Some(layer))
    };
    Ok((head(RetrievalKind::Sparse, SPARSE)?, head(RetrievalKind::Late, LATE)?))
}

fn without_weight(checkpoint: &Checkpoint, inner: &Encoder) -> Result<HashSet<u32>, Error> {
    let config = configuration(checkpoint);
    let config = config.map_err(|error| Error::setting(checkpoint.path(), error.to_string()))?;
    let class = TokenizerClass::of(&config, checkpoint.config(), || true);
    let tokens = WITHOUT_WEIGHT.iter().filter_map(|key| special_token(&class, &config, key));
    Ok(tokens.filter_map(|token| inner.tokenizer.id_of(token)).collect())
}
