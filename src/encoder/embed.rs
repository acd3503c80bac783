//! Encodes one batch.

use candle_core::Tensor;

use super::batch::Batch;
use super::cpu::Workspace;
use super::error::Error;
use super::open::Encoder;
use super::tokens::Tokens;
use crate::kernel::Threads;

impl Encoder {
    /// Computes the embeddings of `texts`, one after another. If memory runs out, the batch is halved.
    pub(super) fn embed(
        &self,
        tokens: &Tokens,
        texts: &[usize],
        workspace: &mut Workspace,
        threads: Threads,
    ) -> Result<Vec<f32>, Error> {
        match self.try_embed(tokens, texts, workspace, threads) {
            Err(Error::Compute(error)) if is_out_of_memory(&error) => {
                let (first, second) = texts.split_at(texts.len() / 2);
                if first.is_empty() {
                    let tokens = texts.first().map_or(0, |&text| tokens.length(text));
                    return Err(Error::OutOfMemory { device: self.options.device, tokens });
                }
                let mut values = self.embed(tokens, first, workspace, threads)?;
                values.extend(self.embed(tokens, second, workspace, threads)?);
                Ok(values)
            }
            done => done,
        }
    }

    fn try_embed(
        &self,
        tokens: &Tokens,
        texts: &[usize],
        workspace: &mut Workspace,
        threads: Threads,
    ) -> Result<Vec<f32>, Error> {
        // Texts are sorted by length, and the caller splits off empty ones, so either all or none are empty.
        if texts.iter().all(|&text| tokens.length(text) == 0) {
            return Ok(self.modules.empty(texts.len(), &self.device)?.flatten_all()?.to_vec1()?);
        }
        let batch =
            Batch::new(tokens, texts, (self.transformer.first, self.transformer.rows), self.padded(), &self.device)?;
        let hidden = if let Some(padding) = &batch.padding {
            self.transformer.forward(&batch, padding)?
        } else {
            let hidden = self.transformer.forward_packed(&batch, workspace, threads)?;
            Tensor::from_slice(hidden, (batch.ids.len(), self.transformer.width), &self.device)?
        };
        Ok(self.modules.forward(&hidden, &batch, tokens.prompt)?.flatten_all()?.to_vec1()?)
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
