//! Divides data sets into pairs to learn from, pairs for validation, and held-out queries.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::pool::Pool;
use super::request::Settings;
use crate::eval::{DataSet, draw};

/// The share of the pairs that is for validation.
const VALIDATION: f64 = 0.25;

/// The fewest pairs of a direction.
const LEAST: usize = 2;

/// The most documents of a direction that queries are told from, besides their own.
const DOCUMENTS: usize = 500;

/// The most pairs of a direction for validation.
const LOOKED_AT: usize = 100;

/// A query and a relevant document, by their numbers in the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) query: usize,
    pub(super) positive: usize,
    /// All relevant documents, sorted.
    pub(super) relevant: Vec<usize>,
}

/// The pairs of a data set in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Direction {
    pub(super) label: String,
    pub(super) train: Vec<Pair>,
    pub(super) validation: Vec<Pair>,
    /// The documents that are not held out.
    pub(super) documents: Vec<usize>,
}

/// Divides a data set. What is held out are whole documents with all of their queries: a document that queries to learn from are
/// about is no test, nor is the same pair in the other direction.
pub(super) fn divide(set: &DataSet, settings: &Settings, pool: &mut Pool) -> Result<(Direction, DataSet), Error> {
    let texts: BTreeMap<&str, &str> = set.documents.iter().map(|text| (text.id.as_str(), text.text.as_str())).collect();
    let mut direction = Direction { label: set.label(), ..Direction::default() };
    let (mut held_out, mut train, mut validation) = (BTreeSet::new(), Vec::new(), Vec::new());
    for query in &set.queries {
        let Some(grades) = set.qrels.grades.get(&query.id) else { continue };
        let relevant = grades.iter().filter(|(id, grade)| **grade > 0 && texts.contains_key(id.as_str()));
        // Ties go to the first id.
        let Some((best, _)) = relevant.clone().max_by(|(one, a), (other, b)| a.cmp(b).then(other.cmp(one))) else {
            continue;
        };
        let place = place(best);
        if place < settings.hold_out {
            held_out.insert(query.id.as_str());
            continue;
        }
        let relevant: Vec<&str> = relevant.map(|(id, _)| id.as_str()).collect();
        let found = (query.text.as_str(), best.as_str(), relevant);
        let share = (place - settings.hold_out) / (1.0 - settings.hold_out).max(f64::EPSILON);
        if share < VALIDATION { validation.push(found) } else { train.push(found) }
    }
    shuffle(&mut train, settings.seed);
    shuffle(&mut validation, settings.seed);
    train.truncate(settings.pairs);
    validation.truncate(settings.pairs.div_ceil(2).min(LOOKED_AT));
    if train.len() < LEAST {
        return Err(Error::TooFew { set: direction.label, found: train.len(), least: LEAST });
    }
    let mut pair = |(query, best, relevant): (&str, &str, Vec<&str>)| {
        let mut number = |id: &str| pool.documents.add(texts.get(id).copied().unwrap_or_default());
        let (positive, mut relevant) = (number(best), relevant.into_iter().map(number).collect::<Vec<_>>());
        relevant.sort_unstable();
        relevant.dedup();
        Pair { query: pool.queries.add(query), positive, relevant }
    };
    direction.train = train.into_iter().map(&mut pair).collect();
    direction.validation = validation.into_iter().map(&mut pair).collect();
    direction.documents = candidates(set, settings, &direction, pool);
    let mut report = set.clone();
    report.queries.retain(|query| held_out.contains(query.id.as_str()));
    report.qrels.grades.retain(|query, _| held_out.contains(query.as_str()));
    Ok((direction, report))
}

/// The documents that queries are told from: the relevant ones and others that are not held out.
fn candidates(set: &DataSet, settings: &Settings, direction: &Direction, pool: &mut Pool) -> Vec<usize> {
    let pairs = direction.train.iter().chain(&direction.validation);
    let mut found: Vec<usize> = pairs.map(|pair| pair.positive).collect();
    let mut others: Vec<&str> = set
        .documents
        .iter()
        .filter(|document| place(&document.id) >= settings.hold_out)
        .map(|document| document.text.as_str())
        .collect();
    shuffle(&mut others, settings.seed);
    found.sort_unstable();
    found.dedup();
    for text in others.into_iter().take(DOCUMENTS) {
        let number = pool.documents.add(text);
        if let Err(at) = found.binary_search(&number) {
            found.insert(at, number);
        }
    }
    found
}

/// A number between 0 and 1 for an id, the same in every direction and run.
pub(super) fn place(id: &str) -> f64 {
    // FNV-1a, mixed because its last bits are poor.
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (draw(hash, 0) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Puts a list into an order that the seed decides.
pub(super) fn shuffle<T>(list: &mut [T], seed: u64) {
    for at in (1..list.len()).rev() {
        let other = draw(seed, at as u64) % (at as u64 + 1);
        list.swap(at, other as usize);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::eval::{Qrels, Text};

    fn set(direction: &str) -> DataSet {
        let text = |kind: &str, at: usize| Text { id: format!("{at}"), text: format!("{direction} {kind} {at}") };
        let grade = |at: usize| (format!("{at}"), [(format!("{}", at / 2), 1)].into());
        DataSet {
            name: "set".to_owned(),
            direction: Some(direction.to_owned()),
            queries: (0..400).map(|at| text("query", at)).collect(),
            documents: (0..200).map(|at| text("document", at)).collect(),
            qrels: Qrels { grades: (0..400).map(grade).collect() },
            warnings: Vec::new(),
        }
    }

    #[test]
    fn documents_are_held_out_with_all_of_their_queries_in_every_direction() {
        let settings = Settings { pairs: 50, ..Settings::default() };
        let mut pool = Pool::default();
        let (there, held) = divide(&set("ko-en"), &settings, &mut pool).unwrap();
        let (_, back) = divide(&set("en-ko"), &settings, &mut pool).unwrap();
        let ids = |set: &DataSet| set.queries.iter().map(|query| query.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&held), ids(&back));
        assert!((150..250).contains(&held.queries.len()), "{}", held.queries.len());
        assert_eq!((there.train.len(), there.validation.len()), (50, 25));
        let documents: BTreeSet<String> = held
            .queries
            .iter()
            .map(|query| format!("ko-en document {}", query.id.parse::<usize>().unwrap() / 2))
            .collect();
        for pair in there.train.iter().chain(&there.validation) {
            assert!(!documents.contains(&pool.documents.all()[pair.positive]));
        }
        assert!(there.documents.iter().all(|document| !documents.contains(&pool.documents.all()[*document])));
        assert_eq!(held.documents.len(), 200);
    }
}
