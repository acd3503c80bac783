//! The vocabulary of a merge: that of one tokenizer, followed by the tokens that it lacks.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::super::files::Tokenizer;
use super::super::json::AddedToken;
use super::tokens::{Vocabulary, VocabularyKind};

/// A tokenizer with the tokens that are appended to it.
#[derive(Debug)]
pub struct MergedVocabulary {
    pub(super) tokenizer: Tokenizer,
    pub(super) own: Arc<Vocabulary>,
    pub(super) appended: Vec<Appended>,
    /// Its own tokens that become added tokens, because they are added tokens of another tokenizer.
    pub(super) marked: Vec<AddedToken>,
    /// The tokenizers that pieces come from.
    pub(super) others: Vec<Tokenizer>,
}

/// An appended token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The token.
    pub token: String,
    /// Its id.
    pub id: u32,
    /// Its origin.
    pub origin: Origin,
}

/// The origin of an appended token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A token of another tokenizer's model, by the index of that tokenizer.
    Piece(usize),
    /// An added token, which is matched in a text before the tokenizer's model runs.
    Added(Flags),
}

/// The flags of an added token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags(pub(super) AddedToken);

impl MergedVocabulary {
    /// The tokenizer's own vocabulary.
    pub fn of(tokenizer: &Tokenizer, own: Arc<Vocabulary>) -> Self {
        Self { tokenizer: tokenizer.clone(), own, appended: Vec::new(), marked: Vec::new(), others: Vec::new() }
    }

    /// Appends the tokens that only other tokenizers have: first those of their models, then their added tokens, in the
    /// order of tokenizers and ids. `is_used` says which ids of which tokenizer count.
    #[must_use]
    pub fn with_all(mut self, others: &[(&Tokenizer, &Vocabulary)], is_used: &dyn Fn(usize, u32) -> bool) -> Self {
        self.others = others.iter().map(|(tokenizer, _)| (*tokenizer).clone()).collect();
        let mut flags: BTreeMap<&str, &AddedToken> = BTreeMap::new();
        for (index, (_, vocabulary)) in others.iter().enumerate() {
            for token in vocabulary.added().iter().filter(|token| is_used(index, token.id as u32)) {
                flags.entry(&token.content).or_insert(token);
            }
        }
        let mut seen: HashSet<&str> = HashSet::new();
        let mut next = self.rows() as u32;
        for (index, (_, vocabulary)) in others.iter().enumerate() {
            for (token, id) in vocabulary.tokens() {
                let is_piece = !flags.contains_key(token) && is_used(index, id);
                if is_piece && self.own.number(token).is_none() && seen.insert(token) {
                    self.appended.push(Appended { token: token.to_owned(), id: next, origin: Origin::Piece(index) });
                    next += 1;
                }
            }
        }
        let already: HashSet<&str> = self.own.added().iter().map(|token| token.content.as_str()).collect();
        for (index, (_, vocabulary)) in others.iter().enumerate() {
            for token in vocabulary.added().iter().filter(|token| is_used(index, token.id as u32)) {
                let name = token.content.as_str();
                if already.contains(name) || !seen.insert(name) {
                    continue;
                }
                if let Some(id) = self.own.number(name) {
                    self.marked.push(AddedToken { id: u64::from(id), ..token.clone() });
                } else {
                    let origin = Origin::Added(Flags(AddedToken { id: u64::from(next), ..token.clone() }));
                    self.appended.push(Appended { token: name.to_owned(), id: next, origin });
                    next += 1;
                }
            }
        }
        self
    }

    /// Appends a token with this text unless it exists.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        if self.own.number(token).is_none() && self.appended.iter().all(|known| known.token != token) {
            let id = self.rows() as u32;
            let flags = AddedToken { id: u64::from(id), content: token.to_owned(), normalized: true, ..<_>::default() };
            self.appended.push(Appended { token: token.to_owned(), id, origin: Origin::Added(Flags(flags)) });
        }
        self
    }

    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.own.len() + self.appended.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of rows that a table of the tokens needs.
    pub fn rows(&self) -> usize {
        self.appended.last().map_or_else(|| self.own.rows(), |last| last.id as usize + 1)
    }

    /// Every token with its id, in the order of ids.
    pub fn tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        self.own.tokens().chain(self.appended.iter().map(|token| (token.token.as_str(), token.id)))
    }

    /// The kind of its model.
    pub fn kind(&self) -> VocabularyKind {
        self.own.kind()
    }

    /// The added tokens, the tokenizer's own and those of the others.
    pub(crate) fn added(&self) -> impl Iterator<Item = &AddedToken> {
        let appended = self.appended.iter().filter_map(|token| match &token.origin {
            Origin::Added(Flags(added)) => Some(added),
            Origin::Piece(_) => None,
        });
        self.own.added().iter().chain(&self.marked).chain(appended)
    }

    /// The id of a token.
    pub fn number(&self, token: &str) -> Option<u32> {
        let appended = || self.appended.iter().find(|known| known.token == token).map(|known| known.id);
        self.own.number(token).or_else(appended)
    }

    /// The tokens after the tokenizer's own.
    pub fn appended(&self) -> &[Appended] {
        &self.appended
    }

    /// The tokenizer whose files the output gets.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Whether the tokenizer is unchanged.
    pub fn is_unchanged(&self) -> bool {
        self.appended.is_empty() && self.marked.is_empty()
    }

    /// Whether tokens were appended that the tokenizer's model has to contain.
    pub fn has_pieces(&self) -> bool {
        self.appended.iter().any(|token| matches!(token.origin, Origin::Piece(_)))
    }
}
