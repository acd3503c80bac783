//! Collects the distinct texts of data sets, so that each is encoded once.

use std::collections::HashMap;
use std::ops::Range;

use super::{DataSet, Text};
use crate::checkpoint::Settings;
use crate::encoder::{Error, Retriever, Role, Tokens};

/// The prompts of queries and documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// In front of a query.
    pub query: String,
    /// In front of a document.
    pub document: String,
    /// Whether the model encodes queries in another way than documents, or cuts them at another length.
    pub apart: bool,
}

impl Prompts {
    /// The prompts of a model, which `query` and `document` override.
    pub fn of(settings: &Settings, query: Option<&str>, document: Option<&str>) -> Self {
        let pick = |given: Option<&str>, own: &Option<String>| {
            given.map(str::to_owned).or_else(|| own.clone()).unwrap_or_default()
        };
        Self {
            query: pick(query, &settings.query_prompt),
            document: pick(document, &settings.document_prompt),
            apart: settings.routed
                || settings.late_interaction.is_some()
                || settings.transformer.query_length != settings.transformer.document_length,
        }
    }
}

impl Prompts {
    /// The same for a retriever, which may encode queries in another way than documents.
    #[must_use]
    pub fn used_by(self, retriever: &Retriever) -> Self {
        Self { apart: self.apart || retriever.encodes_apart(), ..self }
    }
}

/// The distinct texts of some data sets, each with its prompt, numbered in the order in which the data sets have them.
#[derive(Clone, Debug)]
pub struct Texts<'a> {
    distinct: Vec<&'a str>,
    sets: Vec<[Side; 2]>,
    prompts: [String; 2],
    apart: bool,
}

/// The queries or the documents of one data set.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// The index of each text.
    pub(super) rows: Vec<u32>,
    /// The texts that no earlier side had.
    new: Range<usize>,
}

/// Number of texts that are tokenised at a time, so that tokens take little memory beside embeddings.
const CHUNK: usize = 16_384;

/// Consecutive texts with one prompt, which are tokenised and encoded together.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub(super) set: usize,
    pub(super) texts: Range<usize>,
    /// 0 for queries, 1 for documents.
    pub(super) side: usize,
}

/// The tokens of all texts, for encoders that share a tokenizer. A sweep tokenises only once.
#[derive(Clone, Debug)]
pub struct TokenisedTexts(pub(super) Vec<Tokens>);

impl<'a> Texts<'a> {
    /// The texts of `sets`.
    pub fn new(sets: &'a [DataSet], of: &Prompts) -> Self {
        let prompts = [of.query.clone(), of.document.clone()];
        // With the same prompt a query and a document may share an embedding.
        let of_documents = u8::from(of.apart || prompts[0] != prompts[1]);
        let mut found = Self { distinct: Vec::new(), sets: Vec::new(), prompts, apart: of.apart };
        let mut known = HashMap::new();
        for set in sets {
            let queries = found.side(&set.queries, 0, &mut known);
            let documents = found.side(&set.documents, of_documents, &mut known);
            found.sets.push([queries, documents]);
        }
        found
    }

    fn side(&mut self, texts: &'a [Text], prompt: u8, known: &mut HashMap<(u8, &'a str), u32>) -> Side {
        let start = self.distinct.len();
        let rows = texts.iter().map(|text| {
            *known.entry((prompt, text.text.as_str())).or_insert_with(|| {
                self.distinct.push(&text.text);
                self.distinct.len() as u32 - 1
            })
        });
        let rows = rows.collect();
        Side { rows, new: start..self.distinct.len() }
    }

    /// The number of texts.
    pub fn len(&self) -> usize {
        self.distinct.len()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.distinct.is_empty()
    }

    /// The length of all texts in bytes.
    pub fn bytes(&self) -> u64 {
        self.distinct.iter().map(|text| text.len() as u64).sum()
    }

    /// Some of the texts, queries and documents apart: about `count`, spread evenly over all.
    pub fn spread(&self, count: usize) -> [Vec<&'a str>; 2] {
        let step = self.distinct.len().div_ceil(count.max(1)).max(1);
        let mut found = [Vec::new(), Vec::new()];
        for sides in &self.sets {
            for (side, found) in sides.iter().zip(&mut found) {
                found.extend(
                    side.new.clone().filter(|at| at % step == 0).filter_map(|at| self.distinct.get(at).copied()),
                );
            }
        }
        found
    }

    /// Tokenises them all.
    pub fn tokenize(&self, retriever: &Retriever) -> Result<TokenisedTexts, Error> {
        self.chunks().iter().map(|chunk| self.tokens(chunk, retriever)).collect::<Result<_, _>>().map(TokenisedTexts)
    }

    pub(super) fn tokens(&self, chunk: &Chunk, retriever: &Retriever) -> Result<Tokens, Error> {
        let role = match (self.apart, chunk.side) {
            // A text that is both a query and a document is truncated in one way.
            (true, 1) => Role::Document,
            _ => Role::Query,
        };
        retriever.tokenize(role, &self.distinct[chunk.texts.clone()], Some(&self.prompts[chunk.side]))
    }

    pub(super) fn sets(&self) -> &[[Side; 2]] {
        &self.sets
    }

    /// Splits all texts into chunks, data set by data set.
    pub(super) fn chunks(&self) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        for (set, sides) in self.sets.iter().enumerate() {
            for (side, Side { new, .. }) in sides.iter().enumerate() {
                let starts = new.clone().step_by(CHUNK);
                chunks.extend(starts.map(|start| Chunk { set, texts: start..(start + CHUNK).min(new.end), side }));
            }
        }
        chunks
    }

    pub(super) fn bytes_of(&self, chunk: &Chunk) -> u64 {
        self.distinct[chunk.texts.clone()].iter().map(|text| text.len() as u64).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Qrels;

    fn set(queries: &[&str], documents: &[&str]) -> DataSet {
        let texts = |texts: &[&str]| {
            texts.iter().enumerate().map(|(id, text)| Text { id: id.to_string(), text: (*text).to_owned() }).collect()
        };
        DataSet {
            name: String::new(),
            direction: None,
            queries: texts(queries),
            documents: texts(documents),
            qrels: Qrels::default(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn texts_are_shared_where_their_prompts_are_equal() {
        let sets = [set(&["a", "b", "a"], &["a", "c"]), set(&["c", "b"], &["c", "d"])];
        let texts = Texts::new(&sets, &Prompts::default());
        assert_eq!(texts.len(), 4);
        assert_eq!(texts.sets[0][0].rows, [0, 1, 0]);
        assert_eq!(texts.sets[0][1].rows, [0, 2]);
        assert_eq!(texts.sets[1][0].rows, [2, 1]);
        assert_eq!(texts.sets[1][1].rows, [2, 3]);
        assert_eq!(texts.chunks().iter().map(|chunk| chunk.texts.clone()).collect::<Vec<_>>(), [0..2, 2..3, 3..4]);

        let texts = Texts::new(&sets, &Prompts { query: "query: ".into(), ..Prompts::default() });
        assert_eq!(texts.len(), 6);
        assert_eq!(texts.sets[1][0].rows, [4, 1]);
        assert_eq!(texts.sets[1][1].rows, [3, 5]);
    }
}
