//! The texts to learn from, each once, and their tokens.

use std::collections::HashMap;

use super::error::Error;
use crate::encoder::{Encoder, Role, Tokens};
use crate::eval::Prompts;

/// Texts of one role, each once.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<String>,
    known: HashMap<String, usize>,
}

impl Texts {
    /// The number of a text.
    pub(super) fn add(&mut self, text: &str) -> usize {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let number = self.texts.len();
        self.texts.push(text.to_owned());
        self.known.insert(text.to_owned(), number);
        number
    }

    pub(super) fn all(&self) -> &[String] {
        &self.texts
    }
}

/// Queries and documents.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) queries: Texts,
    pub(super) documents: Texts,
}

impl Pool {
    /// The tokens of queries and documents, with the prompts of their role; at most `most` of each text.
    pub(super) fn tokenise(&self, encoder: &Encoder, prompts: &Prompts, most: usize) -> Result<[Tokens; 2], Error> {
        let queries = encoder.tokenize_within(most, Role::Query, self.queries.all(), Some(&prompts.query))?;
        let documents = encoder.tokenize_within(most, Role::Document, self.documents.all(), Some(&prompts.document))?;
        Ok([queries, documents])
    }
}
