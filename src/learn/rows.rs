//! The texts that are encoded again and again, each once.

use std::collections::HashMap;

use super::error::Error;
use super::merged::Opened;
use crate::encoder::Tokens;
use crate::eval::Similarity;
use crate::progress::Cancel;

/// Distinct tokenised texts, and the row of each query and document of a pool in their embeddings.
#[derive(Debug)]
pub(super) struct Rows {
    /// The texts: those of queries, and those of documents with another prompt.
    pub(super) tokens: Vec<Tokens>,
    pub(super) queries: Vec<usize>,
    pub(super) documents: Vec<usize>,
    pub(super) similarity: Similarity,
}

impl Rows {
    /// Finds the distinct texts. A text that is both a query and a document is one, unless the prompts differ.
    pub(super) fn new([queries, documents]: [Tokens; 2], similarity: Similarity) -> Self {
        let is_one = queries.is_like(&documents);
        let (queries_kept, of_queries) = distinct(&[&queries]);
        if !is_one {
            let (documents_kept, of_documents) = distinct(&[&documents]);
            let first = queries_kept.len();
            let of_documents = of_documents.into_iter().map(|row| row + first).collect();
            let tokens = vec![queries.pick(&queries_kept), documents.pick(&documents_kept)];
            return Self { tokens, queries: of_queries, documents: of_documents, similarity };
        }
        let (kept, mut rows) = distinct(&[&queries, &documents]);
        let of_documents = rows.split_off(queries.len());
        let mut tokens = queries;
        tokens.append(&documents);
        Self { tokens: vec![tokens.pick(&kept)], queries: rows, documents: of_documents, similarity }
    }

    /// The number of texts.
    pub(super) fn len(&self) -> usize {
        self.tokens.iter().map(Tokens::len).sum()
    }

    /// Encodes all texts: a row for each.
    pub(super) fn encode(&self, opened: &Opened, cancel: &Cancel) -> Result<Vec<f32>, Error> {
        let mut values = Vec::new();
        for tokens in &self.tokens {
            values.extend(opened.encoder()?.encode(tokens, &mut |_, _| cancel.flow())?.values);
        }
        Ok(values)
    }
}

/// The first place of each distinct text, and for each text the row of its like among those.
fn distinct(all: &[&Tokens]) -> (Vec<usize>, Vec<usize>) {
    let (mut kept, mut rows, mut known) = (Vec::new(), Vec::new(), HashMap::new());
    for (at, text) in all.iter().flat_map(|tokens| (0..tokens.len()).map(|text| (*tokens, text))).enumerate() {
        let row = *known.entry(text.0.content(text.1)).or_insert_with(|| {
            kept.push(at);
            kept.len() - 1
        });
        rows.push(row);
    }
    (kept, rows)
}
