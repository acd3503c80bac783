//! Tokenised texts.

use std::ops::Range;

/// What texts are for. A folder may cut queries and documents at lengths of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Texts that are neither queries nor documents, or either.
    #[default]
    Text,
    /// Queries.
    Query,
    /// Documents.
    Document,
}

/// Tokenised texts, special tokens and prompt included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    ids: Vec<u32>,
    /// Where each text ends.
    ends: Vec<usize>,
    /// The tokens of the prompt, the same in front of every text.
    pub(super) prompt: usize,
}

impl Tokens {
    pub(super) fn new(prompt: usize) -> Self {
        Self { prompt, ..Self::default() }
    }

    pub(super) fn push(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
        self.ends.push(self.ids.len());
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The tokens of all texts together.
    pub fn total(&self) -> usize {
        self.ids.len()
    }

    /// The tokens of a text; nothing beyond the last one.
    pub fn get(&self, text: usize) -> &[u32] {
        self.range(text).and_then(|range| self.ids.get(range)).unwrap_or_default()
    }

    /// The number of tokens of a text.
    pub fn length(&self, text: usize) -> usize {
        self.range(text).map_or(0, |range| range.len())
    }

    fn range(&self, text: usize) -> Option<Range<usize>> {
        let start = text.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        Some(*start..*self.ends.get(text)?)
    }
}
