//! Small corpora for a sample of queries: the documents that are relevant to them, and those that are hard to tell from them.

use std::collections::BTreeSet;

use crate::eval::DataSet;
use crate::sweep::hash::short;
use crate::sweep::study::{TopDocuments, sample, sample_documents};

/// A sample of a data set's queries with the documents that they are searched in.
///
/// The order of the queries is random and depends on `seed` and on ids alone. Queries on one document stand next to each other, so
/// that a sample needs few documents.
pub fn query_sample(set: &DataSet, step: usize, seed: u64, tops: &[&TopDocuments]) -> DataSet {
    let mut order: Vec<(String, String, &str)> = set
        .queries
        .iter()
        .map(|query| {
            let relevant = relevant(set, &query.id).map(|document| draw(seed, document)).min();
            // Queries without judgements, which count nowhere, stand behind all digits.
            (relevant.unwrap_or_else(|| "~".to_owned()), draw(seed, &query.id), query.id.as_str())
        })
        .collect();
    order.sort();
    let places = sample(step, order.len());
    let taken: BTreeSet<&str> = order.get(places).unwrap_or_default().iter().map(|(_, _, id)| *id).collect();
    let least = sample_documents(step, set.documents.len());
    let kept = candidate_pool(set, &taken, tops, least);
    let is_taken = |id: &str| taken.contains(id);
    let mut qrels = set.qrels.clone();
    qrels.grades.retain(|query, _| is_taken(query));
    DataSet {
        queries: set.queries.iter().filter(|query| is_taken(&query.id)).cloned().collect(),
        documents: set.documents.iter().filter(|document| kept.contains(document.id.as_str())).cloned().collect(),
        qrels,
        ..set.clone()
    }
}

fn draw(seed: u64, id: &str) -> String {
    short(&format!("{seed} {id}"))
}

fn relevant<'a>(set: &'a DataSet, query: &str) -> impl Iterator<Item = &'a String> {
    let grades = set.qrels.grades.get(query).into_iter().flatten();
    grades.filter(|(_, grade)| **grade > 0).map(|(document, _)| document)
}

/// The documents of a pool: those that are relevant to the queries and then, until there are `least`, those that the models rank
/// first for them, by rank.
fn candidate_pool<'a>(
    set: &'a DataSet,
    queries: &BTreeSet<&str>,
    tops: &[&'a TopDocuments],
    least: usize,
) -> BTreeSet<&'a str> {
    let there: BTreeSet<&str> = set.documents.iter().map(|document| document.id.as_str()).collect();
    let relevant = queries.iter().flat_map(|query| relevant(set, query)).map(String::as_str);
    let mut pool: BTreeSet<&str> = relevant.filter(|document| there.contains(document)).collect();
    let size = least.max(pool.len());
    let rankings: Vec<&[String]> =
        queries.iter().flat_map(|query| tops.iter().filter_map(|top| top.get(*query).map(Vec::as_slice))).collect();
    let longest = rankings.iter().map(|ranking| ranking.len()).max().unwrap_or(0);
    // By rank, so that no query's documents push out another's.
    for document in (0..longest).flat_map(|rank| rankings.iter().filter_map(move |ranking| ranking.get(rank))) {
        if pool.len() >= size {
            break;
        }
        if there.contains(document.as_str()) {
            pool.insert(document);
        }
    }
    pool
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::eval::{Qrels, Text};

    /// Forty documents with four queries each.
    fn set() -> DataSet {
        let text = |id: String| Text { id, text: String::new() };
        let grades = (0..160).map(|query| {
            let grades = BTreeMap::from([(format!("d{}", query / 4), 1), ("d0".to_owned(), 0)]);
            (format!("q{query}"), if query < 4 { BTreeMap::from([("d0".to_owned(), 1)]) } else { grades })
        });
        DataSet {
            name: "set".into(),
            direction: None,
            queries: (0..160).map(|query| text(format!("q{query}"))).collect(),
            documents: (0..40).map(|document| text(format!("d{document}"))).collect(),
            qrels: Qrels { grades: grades.collect() },
            warnings: Vec::new(),
        }
    }

    fn ids(texts: &[Text]) -> BTreeSet<String> {
        texts.iter().map(|text| text.id.clone()).collect()
    }

    #[test]
    fn samples_share_no_query_and_have_few_documents() {
        let set = set();
        // For every query both models rank first the documents behind the relevant one.
        let tops: TopDocuments = (0..160)
            .map(|query| (format!("q{query}"), (1..6).map(|next| format!("d{}", (query / 4 + next) % 40)).collect()))
            .collect();
        let samples: Vec<DataSet> = [1, 2].map(|step| query_sample(&set, step, 7, &[&tops, &tops])).into();
        for (sample, step) in samples.iter().zip(1..) {
            assert_eq!(sample.queries.len(), 20 * step);
            let relevant: BTreeSet<String> = sample
                .qrels
                .grades
                .values()
                .flatten()
                .filter(|(_, grade)| **grade > 0)
                .map(|(id, _)| id.clone())
                .collect();
            // Four queries on each document, but where a sample begins or ends within one.
            assert!(relevant.len() <= 5 * step + 1, "{relevant:?}");
            let documents = ids(&sample.documents);
            assert!(relevant.is_subset(&documents) && documents.len() == relevant.len().max(5 * step), "{documents:?}");
        }
        assert!(ids(&samples[0].queries).is_disjoint(&ids(&samples[1].queries)));
        assert_eq!(query_sample(&set, 1, 7, &[&tops]).queries, samples[0].queries);
        assert_ne!(query_sample(&set, 1, 8, &[&tops]).queries, samples[0].queries);
    }
}
