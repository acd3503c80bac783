//! Data sets with the tokens of their texts.

use std::collections::BTreeMap;

use super::candidate_pool::query_sample;
use crate::encoder::{Error, Retriever};
use crate::eval::{DataSet, Prompts, Run, Texts, TokenisedTexts};
use crate::sweep::study::TopDocuments;

/// Data sets, and the tokens of their texts by tokenizer and prompts.
#[derive(Debug, Default)]
pub(super) struct Corpus {
    pub(super) sets: Vec<DataSet>,
    /// What a first stage found in each data set, where models are rerankers.
    pub(super) found: Vec<Run>,
    tokens: BTreeMap<(String, String, String), TokenisedTexts>,
}

impl Corpus {
    pub(super) fn new(sets: Vec<DataSet>, found: Vec<Run>) -> Self {
        Self { sets, found, tokens: BTreeMap::new() }
    }

    /// Some of the data sets.
    pub(super) fn part(&self, sets: &[usize]) -> Self {
        let of = |index: &usize| self.sets.get(*index).cloned();
        let found = |index: &usize| self.found.get(*index).cloned();
        Self::new(sets.iter().filter_map(of).collect(), sets.iter().filter_map(found).collect())
    }

    /// Samples of the queries, over the documents that matter for them.
    pub(super) fn sampled(&self, step: usize, seed: u64, tops: &[Vec<TopDocuments>]) -> Self {
        let sampled = |(index, set): (usize, &DataSet)| {
            let of_set: Vec<&TopDocuments> = tops.iter().filter_map(|parent| parent.get(index)).collect();
            let sample = query_sample(set, step, seed, &of_set);
            if self.found.is_empty() {
                return sample;
            }
            // Rerankers see the first stage's documents alone.
            DataSet { documents: set.documents.clone(), ..sample }
        };
        Self::new(self.sets.iter().enumerate().map(sampled).collect(), self.found.clone())
    }

    /// Tokenises the texts, unless the tokens for this tokenizer and these prompts are known.
    pub(super) fn tokenise(&mut self, tokenizer: &str, prompts: &Prompts, retriever: &Retriever) -> Result<(), Error> {
        let key = key(tokenizer, prompts);
        if !self.tokens.contains_key(&key) {
            let tokens = Texts::new(&self.sets, prompts).tokenize(retriever)?;
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
