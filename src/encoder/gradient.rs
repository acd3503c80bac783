//! Gradients of embeddings with respect to the tensors of a model's files.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::Tensor;
use rayon::prelude::*;

use super::batch::Batch;
use super::error::Error;
use super::module_pipeline::ModulePipeline;
use super::open::{Encoder, load};
use super::options::Options;
use super::source::{TensorData, TensorSource};
use super::tokens::{Tokens, renumber};
use super::transformer::Transformer;
use super::variables::{TensorKey, Variable, Variables};
use crate::checkpoint::{Checkpoint, SharedData};
use crate::progress::Cancel;

/// Batches are dealt out to so many sums, whatever the number of threads, so that gradients do not depend on it.
const SUMS: usize = 2;

/// Number of tokens of a batch: intermediate values of all layers stay in memory until the gradient is computed.
const CPU_TOKENS: usize = 256;
const GPU_TOKENS: usize = 8192;

/// A model whose embeddings have gradients with respect to its tensors.
#[derive(Debug)]
pub struct Differentiable {
    transformer: Transformer,
    modules: ModulePipeline,
    variables: Vec<Variable>,
    constants: BTreeSet<TensorKey>,
    device: candle_core::Device,
    budget: usize,
    /// The dimensions of an embedding that are kept.
    kept: usize,
}

/// For each tensor, by its module's folder and canonical name, the gradient of its elements.
pub type Gradients = BTreeMap<(String, String), Vec<f32>>;

impl Encoder {
    /// Loads weights so that gradients can be computed, in float32. `checkpoint` and `source` are those of [`Encoder::replace`].
    ///
    /// # Errors
    /// Tensors that are missing or of another shape.
    pub fn differentiable(&self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<Differentiable, Error> {
        let options = Options { padded: true, dtype: None, ..self.options.clone() };
        let tracked = Tracked { source, variables: Variables::default() };
        let (transformer, modules) = load(checkpoint, &tracked, &options, &self.device)?;
        let (variables, constants) = tracked.variables.finish();
        let default = if self.device.is_cpu() { CPU_TOKENS } else { GPU_TOKENS };
        Ok(Differentiable {
            transformer,
            modules,
            variables,
            constants,
            device: self.device.clone(),
            budget: self.options.batch_tokens.unwrap_or(default).max(1),
            kept: self.dimension(),
        })
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
}

impl Differentiable {
    /// The tensors that were read, by the module's folder and canonical name.
    pub fn tensors(&self) -> BTreeSet<(String, String)> {
        let parts = |variable: &Variable| {
            let module = variable.module.clone();
            variable.parts.iter().map(move |part| (module.clone(), part.name.clone())).collect::<Vec<_>>()
        };
        self.variables.iter().flat_map(parts).chain(self.constants.iter().cloned()).collect()
    }

    /// The tensors that were read and have no gradient, by the module's folder and canonical name.
    pub fn constants(&self) -> &BTreeSet<(String, String)> {
        &self.constants
    }

    /// The gradient of Σ ⟨embedding, `upstream`⟩ over all texts, where `upstream` has a row for each text.
    ///
    /// # Errors
    /// Whatever the device refuses, and [`Error::Cancelled`] when `cancel` is.
    pub fn gradients(&self, tokens: &Tokens, upstream: &[f32], cancel: &Cancel) -> Result<Gradients, Error> {
        let batches = self.batches(tokens);
        let sum_of = |sum: usize| -> Result<Vec<Option<Tensor>>, Error> {
            let mut found: Vec<Option<Tensor>> = vec![None; self.variables.len()];
            for texts in batches.iter().skip(sum).step_by(SUMS) {
                if cancel.is_cancelled() {
                    return Err(Error::Cancelled);
                }
                self.add_batch(tokens, texts, upstream, &mut found)?;
            }
            Ok(found)
        };
        let sums: Vec<Vec<Option<Tensor>>> = if self.device.is_cpu() {
            (0..SUMS).into_par_iter().map(sum_of).collect::<Result<_, _>>()?
        } else {
            (0..SUMS).map(sum_of).collect::<Result<_, _>>()?
        };
        let mut gradients = Gradients::new();
        for (index, variable) in self.variables.iter().enumerate() {
            for gradient in sums.iter().filter_map(|sum| sum.get(index)?.as_ref()) {
                variable.distribute(&gradient.flatten_all()?.to_vec1()?, &mut gradients);
            }
        }
        Ok(gradients)
    }

    /// Adds the gradients of a batch to `sums`, one for each variable.
    fn add_batch(
        &self,
        tokens: &Tokens,
        texts: &[usize],
        upstream: &[f32],
        sums: &mut [Option<Tensor>],
    ) -> Result<(), Error> {
        let positions = (self.transformer.first, self.transformer.rows);
        let batch = Batch::new(tokens, texts, positions, true, &self.device)?;
        let Some(padding) = &batch.padding else { return Ok(()) };
        let hidden = self.transformer.forward(&batch, padding)?;
        let embeddings = self.modules.forward(&hidden, &batch, tokens.prompt)?.narrow(1, 0, self.kept)?;
        let rows = texts.iter().flat_map(|text| upstream.iter().skip(text * self.kept).take(self.kept)).copied();
        let upstream = Tensor::from_iter(rows, &self.device)?.reshape((texts.len(), self.kept))?;
        let gradients = (embeddings * upstream)?.sum_all()?.backward()?;
        for (sum, variable) in sums.iter_mut().zip(&self.variables) {
            // The gradient remembers what it was computed from: all intermediate values of the batch.
            let Some(gradient) = gradients.get(&variable.var).map(Tensor::detach) else { continue };
            *sum = Some(match sum.take() {
                Some(sum) => (sum + gradient)?,
                None => gradient,
            });
        }
        Ok(())
    }

    /// Splits the texts, longest first, into padded batches. Texts without tokens have no gradient.
    fn batches(&self, tokens: &Tokens) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..tokens.len()).filter(|text| tokens.length(*text) > 0).collect();
        order.sort_by_key(|&text| std::cmp::Reverse(tokens.length(text)));
        let mut batches: Vec<Vec<usize>> = Vec::new();
        for text in order {
            match batches.last_mut() {
                Some(batch) if tokens.length(batch[0]) * (batch.len() + 1) <= self.budget => batch.push(text),
                _ => batches.push(vec![text]),
            }
        }
        batches
    }
}

/// A source of tensors whose weights become variables.
struct Tracked<'a> {
    source: &'a dyn TensorSource,
    variables: Variables,
}

impl TensorSource for Tracked<'_> {
    fn tensor(&self, module: &str, canonical: &str) -> Option<TensorData<'_>> {
        self.source.tensor(module, canonical)
    }

    fn shared(&self, module: &str, canonical: &str) -> Option<SharedData> {
        self.source.shared(module, canonical)
    }

    fn variables(&self) -> Option<&Variables> {
        Some(&self.variables)
    }
}
