//! The layout of a data set's folder, before anything is read.

use crate::eval::DataWarningKind;
use std::fmt;
use std::path::PathBuf;

/// The format of a data set on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Form {
    /// `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`.
    Beir,
    /// Configurations `corpus`, `queries` and `qrels` (or `default`), as parquet or jsonl.
    Mteb,
    /// `collection.tsv`, `queries*.tsv`, `qrels*.tsv`.
    MsMarco,
    /// Documents as jsonl, topics as tsv, TREC qrels.
    Trec,
    /// Two files aligned by line.
    Parallel,
    /// `queries.json`, `corpus.json`, `relevant_docs.json`.
    ThreeJson,
}

impl Form {
    /// The format's name in `dataset.yaml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Beir => "beir",
            Self::Mteb => "mteb",
            Self::MsMarco => "ms-marco",
            Self::Trec => "trec",
            Self::Parallel => "parallel",
            Self::ThreeJson => "three-json",
        }
    }

    /// The content of a folder of this format, for messages.
    pub fn looks_like(self) -> &'static str {
        match self {
            Self::Beir => {
                "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv with the columns query-id, corpus-id, score"
            }
            Self::Mteb => {
                "an MTEB folder holds corpus/*.parquet, queries/*.parquet and qrels/SPLIT*.parquet (or default/), or the same as jsonl"
            }
            Self::MsMarco => "an MS MARCO folder holds collection.tsv, queries.SPLIT.tsv and qrels.SPLIT.tsv",
            Self::Trec => {
                "a TREC folder holds docs*.jsonl, topics.SPLIT.tsv and qrels.SPLIT.tsv with the fields query, 0, document, grade"
            }
            Self::Parallel => "parallel text is two files of as many lines, such as test.ko and test.en",
            Self::ThreeJson => "this form holds queries.json, corpus.json and relevant_docs.json",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Beir => "BEIR",
            Self::Mteb => "MTEB",
            Self::MsMarco => "MS MARCO",
            Self::Trec => "TREC",
            Self::Parallel => "parallel text",
            Self::ThreeJson => "sentence-transformers' three JSON files",
        })
    }
}

/// The files of a folder by their role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Queries, documents and judgements in files of their own, once for each subset.
    Parts(Form, Vec<Part>),
    /// Pairs of files aligned by line, one pair for each split.
    Pairs(Vec<Pair>),
}

/// One subset's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The subset's name; empty where the folder is one data set.
    pub(super) subset: String,
    pub(super) documents: Vec<Labelled>,
    pub(super) queries: Vec<Labelled>,
    pub(super) judgements: Vec<Labelled>,
    /// Lists of documents to rank for each query.
    pub(super) top_ranked: Vec<Labelled>,
    /// Files that exist and are not used.
    pub(super) unused: Vec<(DataWarningKind, String)>,
}

/// How well a subset's files fit a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Whole,
    /// One part of three is missing.
    Lacks(&'static str),
    /// Too much is missing for it to look like this format.
    Foreign,
}

impl Part {
    /// How well it fits a format that has these names for documents, queries and judgements.
    pub(super) fn fit(&self, [documents, queries, judgements]: [&'static str; 3]) -> Fit {
        match (self.documents.is_empty(), self.queries.is_empty(), self.judgements.is_empty()) {
            (false, false, false) => Fit::Whole,
            (false, false, true) => Fit::Lacks(judgements),
            (false, true, false) => Fit::Lacks(queries),
            (true, false, false) => Fit::Lacks(documents),
            _ => Fit::Foreign,
        }
    }

    /// The result for a format and a folder with only this part.
    pub(super) fn found(self, form: Form, names: [&'static str; 3]) -> Found {
        match self.fit(names) {
            Fit::Whole => Found::Whole(Layout::Parts(form, vec![self])),
            Fit::Lacks(what) => Found::Lacks(form, what),
            Fit::Foreign => Found::Nothing,
        }
    }
}

/// Files that together are one split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) label: String,
    pub(super) files: Vec<PathBuf>,
}

/// Two files aligned by line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) label: String,
    pub(super) sides: [PairSide; 2],
}

/// One file of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PairSide {
    pub(super) file: PathBuf,
    /// Its language, if `dataset.yaml` states it.
    pub(super) language: Option<String>,
}

/// The result of looking for a format in a folder.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// It has this format.
    Whole(Layout),
    /// It looks like this format and lacks something.
    Lacks(Form, &'static str),
    /// It is something else.
    Nothing,
}

/// Adds a file under its label.
pub(super) fn add(to: &mut Vec<Labelled>, label: &str, file: PathBuf) {
    match to.iter_mut().find(|labelled| labelled.label == label) {
        Some(labelled) => labelled.files.push(file),
        None => to.push(Labelled { label: label.to_owned(), files: vec![file] }),
    }
}
