//! The documents that a first stage found for each query, for rerankers.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::{Compat, DataSet, DocumentId, Error, Rules, Run, ranked};

/// The documents of each query that are re-ranked, and the first stage's own ranking of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidates {
    /// The first stage's ranking, with its scores.
    pub found: Run,
    /// Relevant documents that the first stage missed and that are re-ranked all the same.
    pub added: BTreeMap<String, Vec<DocumentId>>,
}

impl Candidates {
    /// The best `depth` documents of each query of the data set. With `positives` the relevant documents that are not among
    /// them are added, as sentence-transformers' `CrossEncoderRerankingEvaluator` does.
    pub fn new(set: &DataSet, run: &Run, depth: usize, rules: &Rules, positives: bool) -> Self {
        let mut candidates = Self::default();
        let documents: HashSet<&str> = set.documents.iter().map(|document| document.id.as_str()).collect();
        for query in &set.queries {
            let Some(listed) = run.scores.get(&query.id) else { continue };
            let others = |id: &str| !rules.ignore_identical_ids || id != query.id;
            let best = ranked(listed, rules.order).into_iter().filter(|(id, _)| others(id)).take(depth);
            let best: Vec<(DocumentId, f64)> = best.cloned().collect();
            if let Some(grades) = set.qrels.grades.get(&query.id).filter(|_| positives) {
                let missed = grades.iter().filter(|(id, grade)| {
                    **grade > 0 && documents.contains(id.as_str()) && !best.iter().any(|(known, _)| known == *id)
                });
                candidates.added.insert(query.id.clone(), missed.map(|(id, _)| id.clone()).collect());
            }
            candidates.found.scores.insert(query.id.clone(), best);
        }
        candidates
    }

    /// Like [`Candidates::new`], of a ranking that messages call `path`. The tool's own evaluator of rerankers says whether
    /// relevant documents are added.
    ///
    /// # Errors
    /// A ranking with documents that the data set does not have.
    pub(crate) fn of_ranking(
        path: &Path,
        set: &DataSet,
        run: &Run,
        depth: usize,
        compat: Compat,
    ) -> Result<Self, Error> {
        let kept = Self::new(set, run, depth, &compat.rules(), compat == Compat::St);
        if let Some((query, document)) = kept.unknown(set) {
            let (query, document) = (query.to_owned(), document.to_owned());
            return Err(Error::UnknownDocument { run: path.to_owned(), set: set.label(), query, document });
        }
        Ok(kept)
    }

    /// The first candidate that is no document of the data set, with its query.
    pub fn unknown<'a>(&'a self, set: &DataSet) -> Option<(&'a str, &'a str)> {
        let documents: HashSet<&str> = set.documents.iter().map(|document| document.id.as_str()).collect();
        let all = self.found.scores.iter().flat_map(|(query, found)| found.iter().map(move |(id, _)| (query, id)));
        all.map(|(query, id)| (query.as_str(), id.as_str())).find(|(_, id)| !documents.contains(id))
    }

    /// The ranking before re-ranking. What was added stands behind what was found, and not at all where none of the relevant
    /// documents was found, as in sentence-transformers.
    pub fn before(&self, set: &DataSet) -> Run {
        let mut run = self.found.clone();
        for (query, found) in &mut run.scores {
            let grades = set.qrels.grades.get(query);
            let is_relevant = |id: &str| grades.and_then(|grades| grades.get(id)).is_some_and(|grade| *grade > 0);
            if found.iter().any(|(id, _)| is_relevant(id)) {
                let added = self.added.get(query).into_iter().flatten();
                found.extend(added.map(|id| (id.clone(), f64::NEG_INFINITY)));
            }
        }
        run
    }

    /// The documents of a query that are re-ranked.
    pub(super) fn of<'a>(&'a self, query: &str) -> impl Iterator<Item = &'a str> {
        let found = self.found.scores.get(query).into_iter().flatten().map(|(id, _)| id.as_str());
        found.chain(self.added.get(query).into_iter().flatten().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Qrels, Text};

    fn set() -> DataSet {
        let text = |id: &&str| Text { id: (*id).to_owned(), text: String::new() };
        let grades = |rows: &[(&str, i64)]| rows.iter().map(|(id, grade)| ((*id).to_owned(), *grade)).collect();
        DataSet {
            name: String::new(),
            direction: None,
            queries: ["q1", "q2"].iter().map(text).collect(),
            documents: ["a", "b", "c", "q1"].iter().map(text).collect(),
            qrels: Qrels {
                grades: [
                    ("q1".to_owned(), grades(&[("a", 1), ("c", 2), ("b", 0), ("gone", 1)])),
                    ("q2".to_owned(), grades(&[("b", 1)])),
                ]
                .into(),
            },
            warnings: Vec::new(),
        }
    }

    fn run(rows: &[(&str, &[(&str, f64)])]) -> Run {
        let row = |(query, found): &(&str, &[(&str, f64)])| {
            ((*query).to_owned(), found.iter().map(|(id, score)| ((*id).to_owned(), *score)).collect())
        };
        Run { scores: rows.iter().map(row).collect() }
    }

    #[test]
    fn the_best_documents_are_taken_and_missed_ones_added() {
        let found = run(&[("q1", &[("b", 1.0), ("q1", 4.0), ("a", 3.0)]), ("other", &[("a", 1.0)])]);
        let (mteb, beir) = (Compat::Mteb.rules(), Compat::Beir.rules());
        let plain = Candidates::new(&set(), &found, 2, &mteb, false);
        assert_eq!(plain.of("q1").collect::<Vec<_>>(), ["q1", "a"]);
        assert_eq!(plain.of("q2").count() + plain.of("other").count(), 0);
        // BEIR takes a document with the query's own id out before it counts.
        assert_eq!(Candidates::new(&set(), &found, 2, &beir, false).of("q1").collect::<Vec<_>>(), ["a", "b"]);
        // A document that the data set does not have cannot be added.
        let added = Candidates::new(&set(), &found, 2, &mteb, true);
        assert_eq!(added.of("q1").collect::<Vec<_>>(), ["q1", "a", "c"]);
        assert_eq!(added.before(&set()).scores["q1"].last().map(|(id, _)| id.as_str()), Some("c"));
    }

    #[test]
    fn nothing_is_added_to_a_ranking_without_a_relevant_document() {
        let candidates = Candidates::new(&set(), &run(&[("q2", &[("a", 1.0)])]), 5, &Compat::Mteb.rules(), true);
        assert_eq!(candidates.of("q2").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(candidates.before(&set()).scores["q2"], [("a".to_owned(), 1.0)]);
    }

    #[test]
    fn candidates_that_are_no_documents_are_found() {
        let rules = Compat::Mteb.rules();
        let candidates = Candidates::new(&set(), &run(&[("q1", &[("a", 1.0), ("x", 0.5)])]), 5, &rules, false);
        assert_eq!(candidates.unknown(&set()), Some(("q1", "x")));
    }
}
