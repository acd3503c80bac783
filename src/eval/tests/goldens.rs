//! Values and ranks are those of the tools themselves: see `tests/goldens/metrics/README.md`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::eval::{Compat, Metric, Qrels, Run, evaluate, ranked};

fn goldens(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/metrics").join(file)
}

fn lines(file: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(goldens(file)).unwrap();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn input(name: &str) -> (Qrels, Run) {
    let qrels = Qrels::read(&goldens(&format!("{name}.qrels"))).unwrap();
    (qrels, Run::read(&goldens(&format!("{name}.run"))).unwrap())
}

/// What of the values differs from the golden file, and how many were compared.
fn faults(name: &str, compat: Compat) -> (Vec<String>, usize) {
    let (qrels, run) = input(name);
    let table = lines(&format!("{name}.{compat}.tsv"));
    let metrics: Vec<Metric> = table[0][1..].iter().map(|name| name.parse().unwrap()).collect();
    let scores = evaluate(&qrels, &run, &metrics, &compat.rules());
    let mut faults = Vec::new();
    let expected: BTreeMap<&str, &[String]> = table[1..].iter().map(|row| (row[0].as_str(), &row[1..])).collect();
    let queries: Vec<&str> = scores.queries.keys().map(String::as_str).collect();
    if queries != expected.keys().copied().collect::<Vec<_>>() {
        faults.push(format!("{name}, {compat}: other queries"));
    }
    for (query, values) in &scores.queries {
        for ((metric, found), expected) in metrics.iter().zip(values).zip(expected[query.as_str()]) {
            let expected: Option<f64> = (!expected.is_empty()).then(|| expected.parse().unwrap());
            let same = match (*found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 && found.is_sign_positive(),
                (None, None) => true,
                _ => false,
            };
            if !same {
                faults.push(format!("{name}, {compat}, {query}: {metric} is {found:?}, expected {expected:?}"));
            }
        }
    }
    (faults, metrics.len() * queries.len())
}

#[test]
fn values_are_those_of_the_tools() {
    let mut all = Vec::new();
    for name in ["cases", "random"] {
        for compat in Compat::ALL {
            let (faults, compared) = faults(name, compat);
            assert!(compared >= 17, "{name}, {compat}: {compared} values");
            all.extend(faults);
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn ranks_are_those_of_trec_eval() {
    for name in ["cases", "random"] {
        let (_, run) = input(name);
        for row in lines(&format!("{name}.order.tsv")) {
            let documents = &run.scores[&row[0]];
            let order = ranked(documents, Compat::Trec.rules().order);
            let rank = |(document, _): &(String, f64)| 1 + order.iter().position(|(id, _)| id == document).unwrap();
            let found: Vec<String> = documents.iter().map(|document| rank(document).to_string()).collect();
            assert_eq!(found, row[1..], "{name}: {}", row[0]);
        }
    }
}

/// The numbers of MTEB and BEIR that only their own mean reciprocal rank tells apart from `trec_eval`'s.
#[test]
fn the_tools_part_where_they_are_known_to() {
    let (qrels, run) = input("cases");
    let metrics = ["mrr", "ndcg", "map@3"].map(|name| name.parse().unwrap());
    let scores = Compat::ALL.map(|compat| (compat, evaluate(&qrels, &run, &metrics, &compat.rules())));
    let value = |compat: Compat, query: &str, metric: usize| {
        let (_, scores) = scores.iter().find(|(known, _)| *known == compat).unwrap();
        scores.queries.get(query).and_then(|values| values[metric])
    };
    let third = Some(1.0 / 3.0);
    assert_eq!(value(Compat::Trec, "ninth-digit", 0), third, "equal as float32");
    assert_eq!(value(Compat::Mteb, "ninth-digit", 0), Some(1.0));
    assert_eq!(value(Compat::St, "ninth-digit", 0), Some(1.0));
    assert_eq!(value(Compat::Trec, "tie-case", 0), Some(1.0));
    assert_eq!(value(Compat::St, "tie-case", 0), Some(0.25), "B, a, ab, b");
    assert_eq!(value(Compat::Beir, "tie-case", 0), Some(0.5), "as listed");
    assert_eq!(value(Compat::Mteb, "self", 0), Some(1.0));
    assert_eq!(value(Compat::Beir, "self", 0), Some(0.5));
    assert_eq!(value(Compat::Mteb, "missing-in-run", 0), None);
    assert_eq!(value(Compat::Beir, "missing-in-run", 0), Some(0.0));
    assert_eq!(value(Compat::Beir, "missing-in-run", 1), None);
    assert_eq!(value(Compat::St, "missing-in-run", 1), Some(0.0));
    assert_eq!(value(Compat::Trec, "only-zero", 1), Some(0.0));
    assert_eq!(value(Compat::St, "only-zero", 1), None);
}
