//! The types of a retrieval evaluation: texts, judgements, rankings.

use std::collections::BTreeMap;

use super::warning::DataWarning;

/// A query's id. Ids are compared byte by byte.
pub type QueryId = String;

/// A document's id. Ids are compared byte by byte.
pub type DocumentId = String;

/// Relevance judgements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Qrels {
    /// The grades of each query's judged documents: relevant from 1 up, judged not relevant at 0 and below.
    pub grades: BTreeMap<QueryId, BTreeMap<DocumentId, i64>>,
}

/// The rankings of a retriever.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Each query's documents with their scores, in any order, no document twice, no score NaN.
    pub scores: BTreeMap<QueryId, Vec<(DocumentId, f64)>>,
}

impl Run {
    /// The rankings of documents that are listed for each query, the best first.
    pub fn of_lists(lists: &BTreeMap<QueryId, Vec<DocumentId>>) -> Self {
        let scored = |documents: &Vec<DocumentId>| {
            let count = documents.len();
            documents.iter().enumerate().map(|(rank, id)| (id.clone(), (count - rank) as f64)).collect()
        };
        Self { scores: lists.iter().map(|(query, documents)| (query.clone(), scored(documents))).collect() }
    }
}

/// A query or a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Its id.
    pub id: String,
    /// Its text; a document's title is already joined.
    pub text: String,
}

/// Queries, documents and judgements.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// The folder's name.
    pub name: String,
    /// Query language and document language, such as `ko-en`; `None` if neither the folder nor the texts show them.
    pub direction: Option<String>,
    /// The queries.
    pub queries: Vec<Text>,
    /// The documents.
    pub documents: Vec<Text>,
    /// The judgements.
    pub qrels: Qrels,
    /// Warnings about its content.
    pub warnings: Vec<DataWarning>,
}

impl DataSet {
    /// Its name, with the direction if that is known.
    pub fn label(&self) -> String {
        self.direction.as_ref().map_or_else(|| self.name.clone(), |direction| format!("{} {direction}", self.name))
    }
}
