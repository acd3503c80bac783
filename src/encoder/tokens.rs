//! Tokenised texts.

use std::collections::BTreeSet;
use std::ops::Range;

/// The role of texts. A folder may have different maximum lengths for queries and documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Texts without a known role.
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
    /// The end of each text.
    ends: Vec<usize>,
    /// The type of each token; empty where all are of the first type.
    types: Vec<u32>,
    /// For each text the number of its first tokens that tokens attend to; empty where they attend to all.
    attended: Vec<usize>,
    /// The number of tokens of the prompt, which is the same for every text.
    pub(super) prompt: usize,
    /// The role of the texts.
    pub(super) role: Role,
}

impl Tokens {
    pub(super) fn new(prompt: usize) -> Self {
        Self { prompt, ..Self::default() }
    }

    pub(super) fn push(&mut self, ids: &[u32]) {
        self.ids.extend_from_slice(ids);
        self.ends.push(self.ids.len());
    }

    /// Adds a text whose tokens have types. Either all texts have them or none.
    pub(super) fn push_typed(&mut self, ids: &[u32], types: &[u32]) {
        self.push(ids);
        self.types.extend_from_slice(types);
    }

    /// The texts without this token at their ends. One token is left of each.
    pub(super) fn without_last(self, token: u32) -> Self {
        if !(0..self.len()).any(|text| self.get(text).last() == Some(&token)) {
            return self;
        }
        let mut cut = Self::new(self.prompt);
        for text in 0..self.len() {
            let ids = self.get(text);
            let kept = ids.iter().rposition(|id| *id != token).unwrap_or(0);
            let kept = ids.get(..=kept).unwrap_or(ids);
            match self.types(text) {
                [] => cut.push(kept),
                types => cut.push_typed(kept, types.get(..kept.len()).unwrap_or_default()),
            }
        }
        cut
    }

    /// Adds a text of which tokens attend to the first `attended` only. Either all texts have such a number or none.
    pub(super) fn push_attended(&mut self, ids: &[u32], attended: usize) {
        self.push(ids);
        self.attended.push(attended);
    }

    /// The number of a text's first tokens that tokens attend to.
    pub(super) fn attended(&self, text: usize) -> usize {
        self.attended.get(text).copied().unwrap_or_else(|| self.length(text))
    }

    /// Some of the texts.
    pub(crate) fn part(&self, texts: Range<usize>) -> Self {
        self.pick(&texts.collect::<Vec<_>>())
    }

    /// The types of a text's tokens; empty where all are of the first type.
    pub(super) fn types(&self, text: usize) -> &[u32] {
        self.range(text).and_then(|range| self.types.get(range)).unwrap_or_default()
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of tokens of all texts.
    pub fn total(&self) -> usize {
        self.ids.len()
    }

    /// The tokens of a text; empty beyond the last text.
    pub fn get(&self, text: usize) -> &[u32] {
        self.range(text).and_then(|range| self.ids.get(range)).unwrap_or_default()
    }

    /// The number of tokens of a text.
    pub fn length(&self, text: usize) -> usize {
        self.range(text).map_or(0, |range| range.len())
    }

    /// Some of the texts, in this order.
    #[must_use]
    pub fn pick(&self, texts: &[usize]) -> Self {
        let mut picked = Self { prompt: self.prompt, role: self.role, ..Self::default() };
        for &text in texts {
            picked.push_typed(self.get(text), self.types(text));
            picked.attended.extend(self.attended.get(text));
        }
        picked
    }

    /// Whether the texts of both have the same prompt and the same kinds of marks, so that one list can hold them.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let marks = |tokens: &Self| [tokens.types.is_empty(), tokens.attended.is_empty()];
        self.prompt == other.prompt && (self.is_empty() || other.is_empty() || marks(self) == marks(other))
    }

    /// Adds the texts of another list, which [`Self::is_like`] this one.
    pub(crate) fn append(&mut self, other: &Self) {
        for text in 0..other.len() {
            self.push_typed(other.get(text), other.types(text));
            self.attended.extend(other.attended.get(text));
        }
    }

    /// What embeddings of a text depend on: its tokens, their types, and how many are attended to.
    pub(crate) fn content(&self, text: usize) -> (&[u32], &[u32], usize) {
        (self.get(text), self.types(text), self.attended(text))
    }

    /// The texts with other numbers for their tokens.
    pub(super) fn renumber(&mut self, number: impl Fn(u32) -> u32) {
        for id in &mut self.ids {
            *id = number(*id);
        }
    }

    /// The tokens of all texts.
    pub(super) fn ids(&self) -> &[u32] {
        &self.ids
    }

    fn range(&self, text: usize) -> Option<Range<usize>> {
        let start = text.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        Some(*start..*self.ends.get(text)?)
    }
}

/// Numbers the tokens of texts anew, without gaps. The first `kept` ids keep their numbers. Returns the old number of each new one.
pub(super) fn renumber(texts: &mut [Tokens], kept: u32) -> Vec<u32> {
    let used: BTreeSet<u32> = (0..kept).chain(texts.iter().flat_map(Tokens::ids).copied()).collect();
    let old: Vec<u32> = used.into_iter().collect();
    for tokens in texts {
        tokens.renumber(|id| old.binary_search(&id).map_or(0, |number| number as u32));
    }
    old
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_the_tokens_of_its_texts() {
        let mut tokens = Tokens::new(2);
        for (ids, attended) in [(&[1, 2, 3][..], 2), (&[4], 1), (&[], 0), (&[5, 6], 1)] {
            tokens.push_attended(ids, attended);
        }
        let part = tokens.part(1..4);
        assert_eq!((part.len(), part.total(), part.prompt), (3, 3, 2));
        assert_eq!(
            (0..3).map(|text| (part.get(text), part.attended(text))).collect::<Vec<_>>(),
            [(&[4][..], 1), (&[], 0), (&[5, 6], 1)]
        );
    }
}
