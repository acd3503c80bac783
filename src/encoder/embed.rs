//! Encodes one batch.

use candle_core::{DType, Tensor};

use super::batch::Batch;
use super::cpu::Workspace;
use super::error::Error;
use super::open::Encoder;
use super::tokens::Tokens;
use crate::kernel::Threads;

/// The token vectors of a batch.
pub(super) enum TokenVectors<'a> {
    /// One row for each token, and with padding for each padded one, and the batch.
    Rows(&'a Tensor, &'a Batch),
    /// Texts without a token, of which there are so many.
    Empty(usize),
}

impl TokenVectors<'_> {
    /// The number of texts.
    pub(super) fn texts(&self) -> usize {
        match self {
            Self::Rows(_, batch) => batch.lengths.len(),
            Self::Empty(texts) => *texts,
        }
    }

    /// The vectors of all tokens in float32, one row for each token, without padding; `None` for texts without tokens.
    pub(super) fn packed(&self) -> Result<Option<(Tensor, &[usize])>, Error> {
        let Self::Rows(hidden, batch) = self else { return Ok(None) };
        let hidden = hidden.to_dtype(DType::F32)?;
        let Some(padding) = &batch.padding else { return Ok(Some((hidden, &batch.lengths))) };
        let starts = (0u32..).step_by(padding.width);
        let rows: Vec<u32> =
            starts.zip(&batch.lengths).flat_map(|(start, &length)| start..start + length as u32).collect();
        let rows = Tensor::from_vec(rows, batch.lengths.iter().sum::<usize>(), hidden.device())?;
        Ok(Some((hidden.index_select(&rows, 0)?, &batch.lengths)))
    }
}

/// Makes something of the token vectors of a batch. Everything that it makes of the texts stands one after another, in their
/// order, so that halves of a batch can be joined.
pub(super) type OfBatch<'a, T> = &'a (dyn Fn(&TokenVectors<'_>, Threads) -> Result<Vec<T>, Error> + Sync);

impl Encoder {
    /// Computes `of_batch` of the token vectors of `texts`. If memory runs out, the batch is halved.
    pub(super) fn embed<T>(
        &self,
        tokens: &Tokens,
        texts: &[usize],
        workspace: &mut Workspace,
        threads: Threads,
        of_batch: OfBatch<'_, T>,
    ) -> Result<Vec<T>, Error> {
        match self.try_embed(tokens, texts, workspace, threads, of_batch) {
            Err(Error::Compute(error)) if is_out_of_memory(&error) => {
                let (first, second) = texts.split_at(texts.len() / 2);
                if first.is_empty() {
                    let tokens = texts.first().map_or(0, |&text| tokens.length(text));
                    return Err(Error::OutOfMemory { device: self.options.device, tokens });
                }
                let mut values = self.embed(tokens, first, workspace, threads, of_batch)?;
                values.extend(self.embed(tokens, second, workspace, threads, of_batch)?);
                Ok(values)
            }
            done => done,
        }
    }

    fn try_embed<T>(
        &self,
        tokens: &Tokens,
        texts: &[usize],
        workspace: &mut Workspace,
        threads: Threads,
        of_batch: OfBatch<'_, T>,
    ) -> Result<Vec<T>, Error> {
        // Texts are sorted by length, and the caller splits off empty ones, so either all or none are empty.
        if texts.iter().all(|&text| tokens.length(text) == 0) {
            return of_batch(&TokenVectors::Empty(texts.len()), threads);
        }
        let batch =
            Batch::new(tokens, texts, (self.transformer.first, self.transformer.rows), self.padded(), &self.device)?;
        let hidden = if let Some(padding) = &batch.padding {
            self.transformer.forward(&batch, padding)?
        } else {
            let hidden = self.transformer.forward_packed(&batch, workspace, threads)?;
            Tensor::from_slice(hidden, (batch.ids.len(), self.transformer.width), &self.device)?
        };
        of_batch(&TokenVectors::Rows(&hidden, &batch), threads)
    }

    /// The embeddings of the texts of a batch, one after another.
    pub(super) fn pooled(&self, vectors: &TokenVectors<'_>, tokens: &Tokens) -> Result<Vec<f32>, Error> {
        let pooled = match vectors {
            TokenVectors::Rows(hidden, batch) => self.modules.forward(hidden, batch, tokens.prompt)?,
            TokenVectors::Empty(texts) => self.modules.empty(*texts, &self.device)?,
        };
        Ok(pooled.flatten_all()?.to_vec1()?)
    }

    /// Whether texts are padded to one length, which is so everywhere but on the CPU, which has its own attention.
    pub(super) fn padded(&self) -> bool {
        self.options.padded || !self.device.is_cpu()
    }
}

/// Whether an error means that memory ran out, which drivers report only as text.
fn is_out_of_memory(error: &candle_core::Error) -> bool {
    let message = error.to_string().to_ascii_lowercase();
    message.contains("out of memory") || message.contains("out_of_memory")
}
