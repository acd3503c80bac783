//! Finds the columns of a file of judgements by the names in its first line.

use super::fields::{tab_separated, white_space_separated};

/// Names of columns, the surest first.
const QUERY: [&str; 8] = ["query-id", "qid", "query", "topic", "topic-id", "question-id", "q-id", "queryid"];
const DOCUMENT: [&str; 17] = [
    "corpus-id",
    "docid",
    "doc-id",
    "document-id",
    "pid",
    "passage-id",
    "docno",
    "did",
    "document",
    "doc",
    "passage",
    "corpus",
    "corpusid",
    "documentid",
    "passageid",
    "cid",
    "pmid",
];
const GRADE: [&str; 11] = [
    "score",
    "relevance",
    "rel",
    "grade",
    "label",
    "relevancy",
    "relevance-score",
    "judgement",
    "judgment",
    "rating",
    "qrel",
];

/// The positions of query, document and grade in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) query: usize,
    pub(super) document: usize,
    pub(super) grade: usize,
    /// The number of fields of every line; `None` if lines of three and of four fields are both read.
    pub(super) count: Option<usize>,
}

impl Columns {
    /// Reads the first line, if it is a header. BEIR's files have three columns in a fixed order, whatever their names;
    /// other files must have known names.
    pub(super) fn named<S: AsRef<str>>(fields: &[S]) -> Option<Result<Self, String>> {
        let names: Vec<String> = fields.iter().map(|field| plain(field.as_ref())).collect();
        let find = |known: &[&str]| known.iter().find_map(|name| names.iter().position(|field| field == name));
        let (query, document, grade) = (find(&QUERY), find(&DOCUMENT), find(&GRADE));
        let count = Some(fields.len());
        if let (Some(query), Some(document), Some(grade)) = (query, document, grade) {
            return Some(Ok(Self { query, document, grade, count }));
        }
        let number = |at: usize| fields.get(at).is_some_and(|field| field.as_ref().trim().parse::<f64>().is_ok());
        let usual = |found: Option<usize>, place| found.is_none_or(|found| found == place);
        match fields.len() {
            3 if number(2) => None,
            3 if usual(query, 0) && usual(document, 1) && usual(grade, 2) => {
                Some(Ok(Self { query: 0, document: 1, grade: 2, count }))
            }
            4 if number(3) => None,
            // `query iteration document grade` under other names.
            4 if usual(query, 0) && document == Some(2) && usual(grade, 3) => {
                Some(Ok(Self { query: 0, document: 2, grade: 3, count }))
            }
            // Other lines are not headers; their faults are reported where they are read.
            count if count < 3 || (count > 4 && query.is_none() && document.is_none()) => None,
            _ => Some(Err("the first line names columns, and not which are the query, the document and the grade; \
                 expected such as query-id, corpus-id, score"
                .to_owned())),
        }
    }
}

/// A name for comparison: lower case, with words joined by hyphens.
fn plain(name: &str) -> String {
    name.trim().trim_matches('"').trim_start_matches(['#', '_']).trim().to_lowercase().replace(['_', ' ', '.'], "-")
}

/// The fields of a first line that may be a header, in a file of either layout.
pub(super) fn first_fields(line: &str) -> Vec<String> {
    if line.contains('\t')
        && let Ok(fields) = tab_separated(line)
    {
        return fields.into_iter().map(std::borrow::Cow::into_owned).collect();
    }
    white_space_separated(line).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Result<[usize; 3], String>> {
        let found = Columns::named(&line.split(' ').collect::<Vec<_>>())?;
        Some(found.map(|columns| [columns.query, columns.document, columns.grade]))
    }

    #[test]
    fn names_say_which_column_is_which() {
        for (line, expected) in [
            ("query-id corpus-id score", [0, 1, 2]),
            ("query-id corpus-id score annotator", [0, 1, 2]),
            ("query-id corpus-id score 7", [0, 1, 2]),
            ("score Query_ID doc_id", [1, 2, 0]),
            ("qid Q0 docid rel", [0, 2, 3]),
            ("topic iteration docno judgment", [0, 2, 3]),
            ("annotator label qid x pid", [2, 4, 1]),
            ("query-id corpus-id score label", [0, 1, 2]),
            ("a b c", [0, 1, 2]),
            ("q iter docid x", [0, 2, 3]),
        ] {
            assert_eq!(of(line), Some(Ok(expected)), "{line}");
        }
    }

    #[test]
    fn lines_of_values_are_no_header_and_unclear_names_are_refused() {
        for line in ["q1 d1 1", "q1 0 d1 -1", "q1 0 d1 1.0", "q d", "a b c d e"] {
            assert_eq!(of(line), None, "{line}");
        }
        for line in ["corpus-id query-id x", "a b c d", "query-id corpus-id annotator x", "score a b"] {
            assert!(matches!(of(line), Some(Err(_))), "{line}");
        }
    }
}
