//! Data sets with the tokens of their texts.

use std::collections::BTreeMap;

use super::candidate_pool::candidate_pool;
use crate::encoder::{Encoder, Error};
use crate::eval::{DataSet, Prompts, Texts, TokenisedTexts};

/// Data sets, and the tokens of their texts by tokenizer and prompts.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    pub(super) sets: Vec<DataSet>,
    tokens: BTreeMap<(String, String, String), TokenisedTexts>,
}

impl Corpus {
    pub(super) fn new(sets: Vec<DataSet>) -> Self {
        Self { sets, tokens: BTreeMap::new() }
    }

    /// The same queries over a pool of documents.
    pub(super) fn pooled(&self, tops: &[Vec<Vec<String>>], size: usize) -> Self {
        let pooled = |(index, set): (usize, &DataSet)| {
            let of_set: Vec<Vec<String>> = tops.iter().filter_map(|parent| parent.get(index).cloned()).collect();
            let kept = candidate_pool(set, &of_set, size);
            let documents = set.documents.iter().filter(|document| kept.contains(&document.id)).cloned().collect();
            DataSet { documents, ..set.clone() }
        };
        Self::new(self.sets.iter().enumerate().map(pooled).collect())
    }

    /// Tokenises the texts, unless the tokens for this tokenizer and these prompts are known.
    pub(super) fn tokenise(&mut self, tokenizer: &str, prompts: &Prompts, encoder: &Encoder) -> Result<(), Error> {
        let key = key(tokenizer, prompts);
        if !self.tokens.contains_key(&key) {
            let tokens = Texts::new(&self.sets, prompts).tokenize(encoder)?;
            self.tokens.insert(key, tokens);
        }
        Ok(())
    }

    /// The tokens from [`Corpus::tokenise`].
    pub(super) fn tokens(&self, tokenizer: &str, prompts: &Prompts) -> Option<&TokenisedTexts> {
        self.tokens.get(&key(tokenizer, prompts))
    }
}

fn key(tokenizer: &str, prompts: &Prompts) -> (String, String, String) {
    let tokenizer = if prompts.apart { format!("{tokenizer} apart") } else { tokenizer.to_owned() };
    (tokenizer, prompts.query.clone(), prompts.document.clone())
}
