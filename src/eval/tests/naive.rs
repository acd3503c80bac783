//! Metrics against a naive implementation.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::eval::{
    Compat, Gain, MapDenominator, Measure, Metric, Missing, Precision, Qrels, Rules, Run, Ties, evaluate,
};

const MEASURES: [Measure; 6] =
    [Measure::Ndcg, Measure::Recall, Measure::Mrr, Measure::Map, Measure::Precision, Measure::Success];

/// Whether the document `one` stands before `other`.
fn is_before(rules: &Rules, measure: Measure, one: (usize, &str, f64), other: (usize, &str, f64)) -> bool {
    let order = if measure == Measure::Mrr { rules.mrr_order } else { rules.order };
    let (a, b) = match order.precision {
        Precision::Single => (f64::from(one.2 as f32), f64::from(other.2 as f32)),
        Precision::Double => (one.2, other.2),
    };
    a > b
        || (a >= b
            && match order.ties {
                Ties::Descending => one.1.as_bytes() > other.1.as_bytes(),
                Ties::Ascending => one.1.as_bytes() < other.1.as_bytes(),
                Ties::AsListed => one.0 < other.0,
            })
}

/// The metric straight from its definition; ranks are counted, not sorted.
fn naive(
    query: &str,
    grades: &BTreeMap<String, i64>,
    documents: &[(String, f64)],
    metric: Metric,
    rules: &Rules,
) -> f64 {
    let listed: Vec<(usize, &str, f64)> = documents
        .iter()
        .filter(|(document, _)| !(rules.ignore_identical_ids && document == query))
        .enumerate()
        .map(|(place, (document, score))| (place, document.as_str(), *score))
        .collect();
    let rank = |one: (usize, &str, f64)| {
        1 + listed.iter().filter(|other| is_before(rules, metric.measure, **other, one)).count()
    };
    let cut = metric.cut.map_or(1_000_000, usize::from);
    let gain = |document: &str| match (grades.get(document), rules.gain) {
        (Some(grade), Gain::Graded) if *grade > 0 => *grade as f64,
        (Some(grade), Gain::Binary) if *grade > 0 => 1.0,
        _ => 0.0,
    };
    let mut hits: Vec<(usize, f64)> =
        listed.iter().map(|one| (rank(*one), gain(one.1))).filter(|(rank, gain)| *gain > 0.0 && *rank <= cut).collect();
    hits.sort_by_key(|(rank, _)| *rank);
    let relevant = grades.values().filter(|grade| **grade > 0).count();
    if relevant == 0 {
        return 0.0;
    }
    match metric.measure {
        Measure::Ndcg => {
            let mut ideal: Vec<f64> = grades.keys().map(|document| gain(document)).collect();
            ideal.sort_by(|a, b| b.total_cmp(a));
            let ideal = ideal.iter().take(cut).enumerate().map(|(place, gain)| gain / libm::log((place + 2) as f64));
            hits.iter().map(|(rank, gain)| gain / libm::log((rank + 1) as f64)).sum::<f64>() / ideal.sum::<f64>()
        }
        Measure::Recall => hits.len() as f64 / relevant as f64,
        Measure::Mrr => hits.first().map_or(0.0, |(rank, _)| 1.0 / *rank as f64),
        Measure::Map => {
            let relevant = match rules.map_denominator {
                MapDenominator::Relevant => relevant,
                MapDenominator::AtMostCut => relevant.min(cut),
            };
            let precision =
                |(rank, _): &(usize, f64)| hits.iter().filter(|(other, _)| other <= rank).count() as f64 / *rank as f64;
            hits.iter().map(precision).sum::<f64>() / relevant as f64
        }
        Measure::Precision => hits.len() as f64 / metric.cut.map_or(listed.len().max(1), usize::from) as f64,
        Measure::Success => f64::from(!hits.is_empty()),
    }
}

/// Few ids, the queries' own among them, and few scores, some of them equal only as float32.
fn documents() -> impl Strategy<Value = Vec<(String, f64)>> {
    let id = prop::sample::select(vec!["a", "b", "B", "ab", "가", "é", "😀", "q", "r", "d1", "d10", "d2"]);
    let score = prop::sample::select(vec![0.5, 0.500_000_001, 0.25, -0.0, 0.0, -1.0, 1e39, f64::INFINITY]);
    prop::collection::btree_map(id, score, 0..9)
        .prop_map(|found| found.into_iter().map(|(id, score)| (id.to_owned(), score)).collect::<Vec<_>>())
        .prop_shuffle()
}

fn grades() -> impl Strategy<Value = BTreeMap<String, i64>> {
    prop::collection::btree_map("a|b|B|가|😀|q|d1|d10|x|y", -1_i64..4, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn metrics_are_their_definitions(
        judged in prop::collection::btree_map("q|r|s", grades(), 1..4),
        found in prop::collection::btree_map("q|r|t", documents(), 0..4),
        compat in prop::sample::select(Compat::ALL.to_vec()),
        ignore_identical_ids in any::<bool>(),
        cut in 0_usize..6,
    ) {
        let (qrels, run) = (Qrels { grades: judged }, Run { scores: found });
        let rules = Rules { ignore_identical_ids, ..compat.rules() };
        let metrics = MEASURES.map(|measure| Metric::new(measure, cut));
        let scores = evaluate(&qrels, &run, &metrics, &rules);
        for (query, grades) in &qrels.grades {
            for (index, metric) in metrics.into_iter().enumerate() {
                let value = scores.queries.get(query).and_then(|values| values[index]);
                let positive = grades.values().any(|grade| *grade > 0);
                let counts = !grades.is_empty() && (positive || !rules.needs_relevant);
                let expected = match run.scores.get(query) {
                    _ if !counts => None,
                    Some(documents) => Some(naive(query, grades, documents, metric, &rules)),
                    None => match rules.missing {
                        Missing::Zero => Some(0.0),
                        Missing::ZeroInMrr if metric.measure == Measure::Mrr => Some(0.0),
                        _ => None,
                    },
                };
                let close = match (value, expected) {
                    (Some(value), Some(expected)) => (value - expected).abs() < 1e-12 && (0.0..=1.0 + 1e-12).contains(&value),
                    (value, expected) => value == expected,
                };
                prop_assert!(close, "{compat}, {query}, {metric}: {value:?}, expected {expected:?}");
            }
        }
        for (index, _) in metrics.iter().enumerate() {
            let values: Vec<f64> = scores.values(index).map(|(_, value)| value).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            prop_assert_eq!(scores.mean(index).is_some(), !values.is_empty());
            prop_assert!(scores.mean(index).is_none_or(|found| (found - mean).abs() < 1e-12));
        }
    }

    #[test]
    fn only_what_both_systems_score_is_paired(
        one in prop::collection::btree_map("a|b|c|d", prop::option::of(0.0..1.0_f64), 0..4),
        other in prop::collection::btree_map("a|b|c|d", prop::option::of(0.0..1.0_f64), 0..4),
    ) {
        let metrics = [Metric::new(Measure::Ndcg, 10), Metric::new(Measure::Mrr, 0)];
        let scores = |values: &BTreeMap<String, Option<f64>>, at: usize| crate::eval::Scores {
            metrics: if at == 0 { vec![metrics[0]] } else { vec![metrics[1], metrics[0]] },
            queries: values
                .iter()
                .map(|(query, value)| (query.clone(), if at == 0 { vec![*value] } else { vec![None, *value] }))
                .collect(),
        };
        let (left, right) = scores(&one, 0).paired(&scores(&other, 1), 0);
        let both = one.iter().filter_map(|(query, value)| Some(((*value)?, (*other.get(query)?)?)));
        prop_assert_eq!((left, right), both.unzip::<f64, f64, Vec<_>, Vec<_>>());
    }
}
