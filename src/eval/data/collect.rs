//! Collects queries, documents and judgements, and warns of what is odd about them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;

use super::Error;
use super::composed::{composed, is_decomposed};
use super::warnings::Warnings;
use crate::escape::escaped;
use crate::eval::{DataSet, DataWarningKind, Qrels, Text};

/// Queries or documents, by id. A repeated id keeps its position and takes the last text, as in a Python dictionary.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) items: Vec<Text>,
    index: HashMap<String, usize>,
}

impl Texts {
    fn insert(&mut self, text: Text) -> bool {
        match self.index.entry(text.id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(self.items.len());
                self.items.push(text);
                true
            }
            Entry::Occupied(entry) => {
                if let Some(slot) = self.items.get_mut(*entry.get()) {
                    *slot = text;
                }
                false
            }
        }
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.index.contains_key(id)
    }

    /// The composed forms of ids with decomposed letters.
    fn composed(&self) -> HashSet<String> {
        self.items.iter().filter(|text| is_decomposed(&text.id)).map(|text| composed(&text.id).into_owned()).collect()
    }
}

/// Whether a text is a query or a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Query,
    Document,
}

/// The queries, documents and judgements read so far.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pub(super) queries: Texts,
    pub(super) documents: Texts,
    grades: BTreeMap<String, BTreeMap<String, i64>>,
    pub(super) warnings: Warnings,
}

impl Collector {
    /// Adds a query or a document; `place` describes where it is.
    pub(super) fn text(&mut self, role: Role, id: String, text: String, place: impl Fn() -> String) {
        let (texts, duplicate, decomposed) = match role {
            Role::Query => (&mut self.queries, DataWarningKind::DuplicateQueryId, DataWarningKind::DecomposedQuery),
            Role::Document => {
                (&mut self.documents, DataWarningKind::DuplicateDocumentId, DataWarningKind::DecomposedDocument)
            }
        };
        if id.is_empty() {
            self.warnings.note(DataWarningKind::EmptyId, &place);
        } else if id.contains(char::is_whitespace) {
            self.warnings.note(DataWarningKind::SpaceInId, || format!("`{}`, {}", escaped(&id), place()));
        }
        let example = escaped(&id);
        if is_decomposed(&id) {
            self.warnings.note(DataWarningKind::DecomposedId, || format!("`{example}`, {}", place()));
        }
        if is_decomposed(&text) {
            self.warnings.note(decomposed, || format!("`{example}`, {}", place()));
        }
        if !texts.insert(Text { id, text }) {
            self.warnings.note(duplicate, || format!("`{example}`, {}", place()));
        }
    }

    /// Adds a judgement.
    pub(super) fn judgement(&mut self, query: String, document: String, grade: i64, place: impl Fn() -> String) {
        let example = || format!("query `{}`, document `{}`, {}", escaped(&query), escaped(&document), place());
        if self.grades.get(&query).is_some_and(|documents| documents.contains_key(&document)) {
            self.warnings.note(DataWarningKind::DuplicateJudgement, example);
        }
        self.grades.entry(query).or_default().insert(document, grade);
    }

    /// Builds the data set: the judged queries, at most `limit` of them, all documents, and the judgements of those
    /// queries.
    pub(super) fn finish(mut self, root: &Path, name: String, limit: Option<usize>) -> Result<DataSet, Error> {
        self.check(root)?;
        self.match_queries();
        self.match_documents();
        self.compare_texts();
        let mut queries = std::mem::take(&mut self.queries.items);
        queries.truncate(limit.unwrap_or(usize::MAX));
        let mut grades = BTreeMap::new();
        for query in &queries {
            grades.extend(self.grades.remove_entry(&query.id));
        }
        Ok(DataSet {
            name,
            direction: None,
            queries,
            documents: self.documents.items,
            qrels: Qrels { grades },
            warnings: self.warnings.into_vec(),
        })
    }

    fn check(&self, root: &Path) -> Result<(), Error> {
        let path = || root.to_owned();
        let nothing = |what| Err(Error::Nothing { path: path(), what });
        let Some(document) = self.documents.items.first() else { return nothing("documents") };
        let Some(query) = self.queries.items.first() else { return nothing("queries") };
        let Some(judged) = self.grades.keys().next() else { return nothing("judgements") };
        if !self.grades.keys().any(|query| self.queries.contains(query)) {
            let composed = self.queries.composed();
            let is_other = |id: &String| is_but_for_letters(&self.queries, &composed, id);
            let normalization = self.grades.keys().any(is_other);
            return Err(Error::NoKnownQuery {
                path: path(),
                judged: escaped(judged),
                there: escaped(&query.id),
                normalization,
            });
        }
        let judged = self.grades.iter().filter(|(query, _)| self.queries.contains(query));
        let judged: Vec<&String> = judged.flat_map(|(_, documents)| documents.keys()).collect();
        if !judged.iter().any(|document| self.documents.contains(document)) {
            let composed = self.documents.composed();
            let normalization = judged.iter().any(|id| is_but_for_letters(&self.documents, &composed, id));
            let judged = judged.first().map(|first| escaped(first)).unwrap_or_default();
            return Err(Error::NoKnownDocument { path: path(), judged, there: escaped(&document.id), normalization });
        }
        Ok(())
    }

    /// Drops judged queries without text and queries without judgement, as MTEB does.
    fn match_queries(&mut self) {
        let Self { queries, grades, warnings, documents } = self;
        let composed = queries.composed();
        grades.retain(|query, _| {
            let known = queries.contains(query);
            if !known {
                warnings.note(DataWarningKind::UnknownQuery, || quoted(query));
                if is_but_for_letters(queries, &composed, query) {
                    warnings.note(DataWarningKind::OtherNormalization, || format!("query {}", quoted(query)));
                }
            }
            known
        });
        for query in &queries.items {
            if documents.contains(&query.id) {
                warnings.note(DataWarningKind::SharedId, || quoted(&query.id));
            }
        }
        queries.items.retain(|query| {
            let Some(judged) = grades.get(&query.id) else {
                warnings.note(DataWarningKind::QueryWithoutJudgement, || quoted(&query.id));
                return false;
            };
            if judged.values().all(|grade| *grade < 1) {
                warnings.note(DataWarningKind::QueryWithoutPositive, || quoted(&query.id));
            }
            true
        });
    }

    fn match_documents(&mut self) {
        let composed = self.documents.composed();
        for (query, documents) in &self.grades {
            for document in documents.keys().filter(|document| !self.documents.contains(document)) {
                self.warnings.note(DataWarningKind::UnknownDocument, || {
                    format!("{} of query {}", quoted(document), quoted(query))
                });
                if is_but_for_letters(&self.documents, &composed, document) {
                    self.warnings
                        .note(DataWarningKind::OtherNormalization, || format!("document {}", quoted(document)));
                }
            }
        }
    }

    fn compare_texts(&mut self) {
        let sides = [
            (&self.queries.items, DataWarningKind::EmptyQuery, DataWarningKind::DuplicateQueryText),
            (&self.documents.items, DataWarningKind::EmptyDocument, DataWarningKind::DuplicateDocumentText),
        ];
        for (texts, empty, repeated) in sides {
            let hasher = RandomState::new();
            let mut first: HashMap<u64, usize> = HashMap::with_capacity(texts.len());
            for (at, text) in texts.iter().enumerate() {
                if text.text.trim().is_empty() {
                    self.warnings.note(empty, || quoted(&text.id));
                    continue;
                }
                let earlier = *first.entry(hasher.hash_one(&text.text)).or_insert(at);
                let same = texts.get(earlier).filter(|other| earlier < at && other.text == text.text);
                if let Some(other) = same {
                    self.warnings.note(repeated, || format!("{} and {}", quoted(&other.id), quoted(&text.id)));
                }
            }
        }
    }
}

/// Whether a missing id exists in another normalization; `decomposed` has the composed forms of decomposed ids.
fn is_but_for_letters(texts: &Texts, decomposed: &HashSet<String>, id: &str) -> bool {
    let id = composed(id);
    texts.contains(&id) || decomposed.contains(&*id)
}

fn quoted(id: &str) -> String {
    format!("`{}`", escaped(id))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::eval::DataWarning;

    fn place() -> String {
        "file line 1".into()
    }

    fn collector(queries: &[(&str, &str)], documents: &[(&str, &str)], grades: &[(&str, &str, i64)]) -> Collector {
        let mut collector = Collector::default();
        for (id, text) in queries {
            collector.text(Role::Query, (*id).into(), (*text).into(), place);
        }
        for (id, text) in documents {
            collector.text(Role::Document, (*id).into(), (*text).into(), place);
        }
        for (query, document, grade) in grades {
            collector.judgement((*query).into(), (*document).into(), *grade, place);
        }
        collector
    }

    fn counts(warnings: &[DataWarning]) -> Vec<(&'static str, usize)> {
        warnings.iter().map(|oddity| (oddity.kind.name(), oddity.count)).collect()
    }

    #[test]
    fn everything_odd_is_counted() {
        let queries = [("q1", "a"), ("q2", "a"), ("q1", "b"), ("q3", " "), ("", "c"), ("q4", "a"), ("d 1", "a")];
        let documents = [("d1", "x"), ("d2", "x"), ("d3", ""), ("q1", "y"), ("d2", "x")];
        let grades =
            [("q1", "d1", 1), ("q1", "d1", 2), ("q2", "gone", 1), ("q3", "d2", 0), ("q9", "d1", 1), ("d 1", "d1", 1)];
        let set = collector(&queries, &documents, &grades).finish(Path::new("set"), "set".into(), None).unwrap();
        let expected = [
            ("duplicate-query-id", 1),
            ("duplicate-document-id", 1),
            ("duplicate-judgement", 1),
            ("unknown-query", 1),
            ("unknown-document", 1),
            ("query-without-judgement", 2),
            ("query-without-positive", 1),
            ("empty-query", 1),
            ("empty-document", 1),
            ("empty-id", 1),
            ("space-in-id", 1),
            ("shared-id", 1),
            ("duplicate-query-text", 1),
            ("duplicate-document-text", 1),
        ];
        assert_eq!(counts(&set.warnings), expected);
        // A repeated id keeps its place and takes the last text; the last grade counts.
        let ids: Vec<_> = set.queries.iter().map(|query| (query.id.as_str(), query.text.as_str())).collect();
        assert_eq!(ids, [("q1", "b"), ("q2", "a"), ("q3", " "), ("d 1", "a")]);
        assert_eq!(set.qrels.grades["q1"]["d1"], 2);
        assert_eq!(set.qrels.grades.keys().collect::<Vec<_>>(), ["d 1", "q1", "q2", "q3"]);
        assert_eq!(set.qrels.grades["q2"]["gone"], 1);
    }

    #[test]
    fn a_limit_takes_the_first_queries_and_their_judgements() {
        let set = collector(&[("b", "1"), ("c", "2"), ("a", "3")], &[("d", "x")], &[("a", "d", 1), ("b", "d", 1)])
            .finish(Path::new("set"), "set".into(), Some(1))
            .unwrap();
        assert_eq!(set.queries[0].id, "b");
        assert_eq!(set.qrels.grades.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(set.documents.len(), 1);
    }

    #[test]
    fn judgements_that_fit_nothing_are_refused() {
        let finish = |collector: Collector| collector.finish(Path::new("set"), "set".into(), None).unwrap_err();
        let error = finish(collector(&[("q", "1")], &[("d", "x")], &[("q", "e", 1)]));
        assert_eq!(error.to_string(), "`set`: no judged document is among its documents: judged `e`, there `d`");
        let error = finish(collector(&[("q", "1")], &[("d", "x")], &[("p", "d", 1)]));
        assert_eq!(error.to_string(), "`set`: no judged query is among its queries: judged `p`, there `q`");
        let error = finish(collector(&[("q", "1")], &[("d", "x")], &[]));
        assert_eq!(error.to_string(), "`set` holds no judgements");
    }
}
