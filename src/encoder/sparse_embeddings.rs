//! Sparse vectors: weights of some tokens of the vocabulary.

use std::ops::Range;

/// The weights of one text's tokens, by the number of the token.
pub type SparseVector = Vec<(u32, f32)>;

/// One sparse vector for each text, in the order of the texts. Entries are in the order of their tokens, and none is zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SparseEmbeddings {
    /// The number of tokens in the vocabulary.
    pub vocabulary: usize,
    ends: Vec<usize>,
    tokens: Vec<u32>,
    weights: Vec<f32>,
}

impl SparseEmbeddings {
    /// No texts yet.
    pub fn new(vocabulary: usize) -> Self {
        Self { vocabulary, ..Self::default() }
    }

    /// Adds a text.
    pub fn push(&mut self, vector: &[(u32, f32)]) {
        self.tokens.extend(vector.iter().map(|(token, _)| token));
        self.weights.extend(vector.iter().map(|(_, weight)| weight));
        self.ends.push(self.tokens.len());
    }

    /// Adds further texts.
    pub fn append(&mut self, more: &Self) {
        let start = self.tokens.len();
        self.tokens.extend_from_slice(&more.tokens);
        self.weights.extend_from_slice(&more.weights);
        self.ends.extend(more.ends.iter().map(|end| start + end));
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of entries of all texts.
    pub fn entries(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens of a text, and their weights; none beyond the last text.
    pub fn get(&self, text: usize) -> (&[u32], &[f32]) {
        let range = self.range(text);
        (self.tokens.get(range.clone()).unwrap_or_default(), self.weights.get(range).unwrap_or_default())
    }

    fn range(&self, text: usize) -> Range<usize> {
        let start = text.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        start..self.ends.get(text).copied().unwrap_or(start)
    }
}

/// Keeps the `most` entries of greatest magnitude, among equals those of lower tokens.
pub(super) fn keep(vector: &mut SparseVector, most: Option<usize>) {
    let Some(most) = most.filter(|most| vector.len() > *most) else { return };
    if most > 0 {
        vector.select_nth_unstable_by(most - 1, |a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
    }
    vector.truncate(most);
    vector.sort_unstable_by_key(|(token, _)| *token);
}

/// Divides a vector by its length.
pub(super) fn normalise(vector: &mut [(u32, f32)]) {
    let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt().max(1e-12);
    for (_, weight) in vector {
        *weight /= length;
    }
}
