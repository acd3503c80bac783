//! Warnings about a data set. What is odd in it is counted and reported, never silently changed.

use std::fmt;

/// Something odd in a data set, with its count and the first case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataWarning {
    /// Its kind.
    pub kind: DataWarningKind,
    /// How often it occurs.
    pub count: usize,
    /// The first case: an id, with file and line where they are known.
    pub example: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $one:literal $many:literal $effect:literal)*) => {
        /// What a [`DataWarning`] is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum DataWarningKind {
            $($(#[$doc])* $kind,)*
        }

        impl DataWarningKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name in `--json` output.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// How such data is treated, as a part of a sentence.
            pub fn effect(self) -> &'static str {
                match self { $(Self::$kind => $effect,)* }
            }

            /// What `count` cases of it are called.
            fn counted(self, count: usize) -> &'static str {
                match self { $(Self::$kind => if count == 1 { $one } else { $many },)* }
            }
        }
    };
}

kinds! {
    /// A query id that occurs twice.
    DuplicateQueryId "duplicate-query-id" "query repeats an id" "queries repeat an id"
        "the last text counts, as in BEIR and MTEB"
    /// A document id that occurs twice.
    DuplicateDocumentId "duplicate-document-id" "document repeats an id" "documents repeat an id"
        "the last text counts, as in BEIR and MTEB"
    /// A query and document that are judged twice.
    DuplicateJudgement "duplicate-judgement" "judgement is repeated" "judgements are repeated"
        "the last grade counts, as in BEIR and MTEB; trec_eval refuses such a file"
    /// A judged query that the data set does not have.
    UnknownQuery "unknown-query" "judged query has no text" "judged queries have no text"
        "left out, as in MTEB; BEIR stops"
    /// A judgement of a document that the data set does not have.
    UnknownDocument "unknown-document" "judgement is of an unknown document" "judgements are of unknown documents"
        "a relevant one counts as not found"
    /// A query without a judgement.
    QueryWithoutJudgement "query-without-judgement" "query has no judgement" "queries have no judgement"
        "left out, as in BEIR and MTEB"
    /// A query judged, but without a relevant document.
    QueryWithoutPositive "query-without-positive" "query has no relevant document" "queries have no relevant document"
        "scores 0, as in MTEB and trec_eval"
    /// A query without text.
    EmptyQuery "empty-query" "query is empty" "queries are empty"
        "embedded as an empty text"
    /// A document without text.
    EmptyDocument "empty-document" "document is empty" "documents are empty"
        "embedded as an empty text"
    /// A document whose title is null.
    NullTitle "null-title" "title is null" "titles are null"
        "taken as no title; BEIR and MTEB stop"
    /// A query or document without an id.
    EmptyId "empty-id" "id is empty" "ids are empty"
        "kept; a TREC run file cannot carry it"
    /// An id with white space.
    SpaceInId "space-in-id" "id holds white space" "ids hold white space"
        "kept; a TREC run file cannot carry it"
    /// An id with decomposed letters.
    DecomposedId "decomposed-id" "id has decomposed letters (NFD)" "ids have decomposed letters (NFD)"
        "kept; ids are compared byte by byte, as in BEIR and MTEB"
    /// A judged id that differs from the data set's only in its Unicode normalization.
    OtherNormalization "other-normalization"
        "judged id is the data set's but for its Unicode normalization (NFC or NFD)"
        "judged ids are the data set's but for their Unicode normalization (NFC or NFD)"
        "ids are compared byte by byte, as in BEIR and MTEB: write them alike"
    /// A query with decomposed letters.
    DecomposedQuery "decomposed-query" "query has decomposed letters (NFD)" "queries have decomposed letters (NFD)"
        "embedded as they are; a model whose tokenizer does not compose letters (NFC) finds other tokens and scores worse"
    /// A document with decomposed letters.
    DecomposedDocument "decomposed-document" "document has decomposed letters (NFD)" "documents have decomposed letters (NFD)"
        "embedded as they are; a model whose tokenizer does not compose letters (NFC) finds other tokens and scores worse"
    /// An id that a query and a document share.
    SharedId "shared-id" "id is a query's and a document's" "ids are a query's and a document's"
        "BEIR never returns such a document for its query, MTEB does but for some tasks"
    /// Queries with the same text.
    DuplicateQueryText "duplicate-query-text" "query repeats another's text" "queries repeat another's text"
        "kept; each is looked for on its own"
    /// Documents with the same text.
    DuplicateDocumentText "duplicate-document-text" "document repeats another's text" "documents repeat another's text"
        "kept; they tie, and the ids decide which comes first"
    /// A header where the format has none.
    Header "header" "file begins with column names" "files begin with column names"
        "the line is skipped"
    /// A BEIR file of judgements without its header.
    NoHeader "no-header" "file of judgements has no header" "files of judgements have no header"
        "its first judgement counts; BEIR's loader skips it"
    /// Lists of documents to rank.
    TopRanked "top-ranked" "list of documents to rank is there" "lists of documents to rank are there"
        "used by `score --rerank` without a first stage, and else all documents are ranked"
    /// Instructions in a table of their own.
    Instructions "instructions" "table of instructions is there" "tables of instructions are there"
        "not used; queries are embedded without them"
}

impl fmt::Display for DataWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.count, self.kind.counted(self.count), self.example)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = DataWarningKind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DataWarningKind::ALL.len());
    }
}
