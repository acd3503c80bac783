//! Encodes many texts: sorts them by length, computes them in batches, and returns the embeddings in the order of the texts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use super::cpu::Workspace;
use super::embed::OfBatch;
use super::embeddings::Embeddings;
use super::error::Error;
use super::open::Encoder;
use super::options::Progress;
use super::tokens::Tokens;
use crate::kernel::Threads;

/// A batch on the CPU has at most this fraction of the remaining tokens, down to a quarter of the largest batch. It does
/// not depend on the number of threads, so that embeddings do not either.
const SHARES: usize = 8;

/// The result of a batch, with its number.
type ComputedBatch<T> = (usize, Result<Vec<T>, Error>);

impl Encoder {
    /// Computes an embedding for each text, in the order of the texts. On the CPU every thread takes batches of its own.
    ///
    /// # Errors
    /// An embedding that is not finite, a text that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    pub fn encode(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<Embeddings, Error> {
        let dimension = self.dimension();
        let mut values = vec![0.0; tokens.len() * dimension];
        self.encode_batches(tokens, progress, &|vectors, _| self.pooled(vectors, tokens), &mut |texts, batch| {
            self.place(tokens, texts, &batch, &mut values)
        })?;
        Ok(Embeddings { dimension, values })
    }

    /// Computes something of all texts, batch by batch: `of_batch` makes it of the token vectors of a batch, on any thread, and
    /// `place` takes it in on this one, with the indices of the batch's texts, in no order of batches.
    ///
    /// # Errors
    /// Those of both, a text that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    #[expect(clippy::type_complexity, reason = "a function's parameter, used once")]
    pub(super) fn encode_batches<T: Send>(
        &self,
        tokens: &Tokens,
        progress: &mut Progress<'_>,
        of_batch: OfBatch<'_, T>,
        place: &mut dyn FnMut(&[usize], Vec<T>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let batches = self.batches(tokens);
        let mut failed: Option<(usize, Error)> = None;
        let next = AtomicUsize::new(0);
        let threads = rayon::current_num_threads();
        // With fewer batches than threads all threads work on each batch.
        let (helpers, each) =
            if self.padded() || batches.len() < threads { (0, Threads::All) } else { (threads - 1, Threads::One) };
        let (sender, finished) = channel::<ComputedBatch<T>>();
        let mut take_in = |(index, batch): ComputedBatch<T>| {
            let Some(texts) = batches.get(index) else { return };
            let placed = batch.and_then(|batch| place(texts, batch));
            let going = placed.and_then(|()| {
                let count = texts.iter().map(|&text| tokens.length(text)).sum();
                // After a break, batches that were still running are not reported.
                if failed.is_none() && progress(texts.len(), count).is_break() { Err(Error::Cancelled) } else { Ok(()) }
            });
            if let Err(error) = going {
                next.store(batches.len(), Ordering::Relaxed);
                // Of several errors the one of the first batch is returned.
                if failed.as_ref().is_none_or(|(first, _)| index < *first) {
                    failed = Some((index, error));
                }
            }
        };
        let one = |workspace: &mut Workspace, sender: &Sender<ComputedBatch<T>>| {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(texts) = batches.get(index) else { return false };
            sender.send((index, self.embed(tokens, texts, workspace, each, of_batch))).is_ok()
        };
        rayon::in_place_scope(|scope| {
            for _ in 0..helpers {
                let (one, sender) = (&one, sender.clone());
                scope.spawn(move |_| {
                    let mut workspace = Workspace::default();
                    while one(&mut workspace, &sender) {}
                });
            }
            let mut workspace = Workspace::default();
            while one(&mut workspace, &sender) {
                finished.try_iter().for_each(&mut take_in);
            }
        });
        finished.try_iter().for_each(take_in);
        match failed {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Copies the embeddings of a batch to their texts' positions.
    fn place(&self, tokens: &Tokens, texts: &[usize], batch: &[f32], values: &mut [f32]) -> Result<(), Error> {
        let (kept, whole) = (self.dimension(), self.modules.dimension);
        for (&text, embedding) in texts.iter().zip(batch.chunks_exact(whole)) {
            if !embedding.iter().all(|x| x.is_finite()) {
                let excerpt = self.tokenizer.excerpt(tokens.get(text));
                return Err(Error::NonFinite { index: text, excerpt });
            }
            values[text * kept..(text + 1) * kept].copy_from_slice(&embedding[..kept]);
        }
        Ok(())
    }

    /// Splits the texts, longest first, into batches of limited tokens. Batches get smaller towards the end, so that
    /// threads end together. A longer text is a batch of its own, and so are all texts without tokens.
    fn batches(&self, tokens: &Tokens) -> Vec<Vec<usize>> {
        let most = self.options.budget();
        let shares = if self.padded() { 0 } else { SHARES };
        let mut left = tokens.total();
        let mut budget = most;
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|&text| std::cmp::Reverse(tokens.length(text)));
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let (mut rows, mut longest) = (0, 0);
        for text in order {
            let length = tokens.length(text);
            let grown = match batches.last() {
                // Sorted: the first text of a batch is its longest.
                Some(batch) if self.padded() => longest * (batch.len() + 1),
                _ => rows + length,
            };
            match batches.last_mut() {
                Some(batch) if grown <= budget && (length > 0) == (longest > 0) => batch.push(text),
                _ => {
                    batches.push(vec![text]);
                    (rows, longest) = (0, length);
                    budget = left.checked_div(shares).map_or(most, |share| share.clamp(most / 4, most));
                }
            }
            rows += length;
            left -= length;
        }
        batches
    }
}
