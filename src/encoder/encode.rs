//! Many texts through the model: sorted by length, in batches, and back in their order.

use super::embeddings::Embeddings;
use super::error::Error;
use super::open::Encoder;
use super::options::Progress;
use super::tokens::Tokens;

impl Encoder {
    /// Computes the embeddings, one a text, in the order of the texts.
    ///
    /// # Errors
    /// An embedding that is not finite, a text that the device has no memory for, [`Error::Cancelled`] if `progress` breaks.
    pub fn encode(&self, tokens: &Tokens, progress: &mut Progress<'_>) -> Result<Embeddings, Error> {
        let (kept, whole) = (self.dimension(), self.head.dimension);
        let mut values = vec![0.0; tokens.len() * kept];
        for texts in self.batches(tokens) {
            let batch = self.embed(tokens, &texts)?;
            for (&text, embedding) in texts.iter().zip(batch.chunks_exact(whole)) {
                if !embedding.iter().all(|x| x.is_finite()) {
                    let excerpt = self.tokenizer.excerpt(tokens.get(text));
                    return Err(Error::NonFinite { index: text, excerpt });
                }
                values[text * kept..(text + 1) * kept].copy_from_slice(&embedding[..kept]);
            }
            let count = texts.iter().map(|&text| tokens.length(text)).sum();
            if progress(texts.len(), count).is_break() {
                return Err(Error::Cancelled);
            }
        }
        Ok(Embeddings { dimension: kept, values })
    }

    /// The texts, longest first, in groups of at most as many tokens as are computed at a time; a longer text stands alone,
    /// and texts without tokens stand together.
    fn batches(&self, tokens: &Tokens) -> Vec<Vec<usize>> {
        let budget = self.options.budget();
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
                }
            }
            rows += length;
        }
        batches
    }
}
