//! Candidate pools: small corpora that distinguish good retrievers from bad ones, with the documents that are hard to rank
//! and some others.

use std::collections::BTreeSet;

use crate::eval::DataSet;
use crate::sweep::hash::short;

/// The documents of a pool: those that are relevant to any query, then those that parents rank first, then others drawn by
/// their ids up to `size`; all documents if there are no more.
pub fn candidate_pool(set: &DataSet, tops: &[Vec<String>], size: usize) -> BTreeSet<String> {
    let there: BTreeSet<&str> = set.documents.iter().map(|document| document.id.as_str()).collect();
    let relevant = set.qrels.grades.values().flatten().filter(|(_, grade)| **grade > 0).map(|(document, _)| document);
    let mut pool: BTreeSet<String> = relevant.filter(|document| there.contains(document.as_str())).cloned().collect();
    // The parents take turns, so that no parent's documents displace another's.
    let longest = tops.iter().map(Vec::len).max().unwrap_or(0);
    let by_rank = (0..longest).flat_map(|rank| tops.iter().filter_map(move |top| top.get(rank)));
    for document in by_rank {
        if pool.len() >= size {
            return pool;
        }
        if there.contains(document.as_str()) {
            pool.insert(document.clone());
        }
    }
    let mut others: Vec<(String, &str)> = there
        .iter()
        .filter(|document| !pool.contains(**document))
        .map(|document| (short(document), *document))
        .collect();
    others.sort();
    let missing = size.saturating_sub(pool.len());
    pool.extend(others.into_iter().take(missing).map(|(_, document)| document.to_owned()));
    pool
}

/// The documents that queries rank first, by rank: every query's first, then every query's second.
pub fn top_documents(rankings: &[Vec<&str>], depth: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let by_rank = (0..depth).flat_map(|rank| rankings.iter().filter_map(move |ranking| ranking.get(rank)));
    by_rank.filter(|document| seen.insert(**document)).map(|document| (*document).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::eval::{Qrels, Text};

    #[test]
    fn a_pool_has_relevant_documents_then_hard_ones_then_others() {
        let text = |index: usize| Text { id: format!("d{index}"), text: String::new() };
        let grades = BTreeMap::from([("q".to_owned(), BTreeMap::from([("d7".to_owned(), 1), ("d8".to_owned(), 0)]))]);
        let set = DataSet {
            name: "set".into(),
            direction: None,
            queries: Vec::new(),
            documents: (0..20).map(text).collect(),
            qrels: Qrels { grades },
            warnings: Vec::new(),
        };
        let tops = [vec!["d1".to_owned(), "d2".into()], vec!["d3".to_owned(), "d4".into()]];
        let names = |size| candidate_pool(&set, &tops, size).into_iter().collect::<Vec<_>>();
        assert_eq!(names(1), ["d7"]);
        assert_eq!(names(3), ["d1", "d3", "d7"]);
        assert_eq!(names(5), ["d1", "d2", "d3", "d4", "d7"]);
        assert_eq!(names(12).len(), 12);
        assert_eq!(names(100).len(), 20);
        assert_eq!(super::top_documents(&[vec!["a", "b"], vec!["c", "a"]], 2), ["a", "c", "b"]);
    }
}
