//! Computes metrics, query by query.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{
    DocumentId, Gain, MapDenominator, Measure, Metric, Missing, Order, Precision, Qrels, QueryId, Rules, Run, Ties,
};

/// The metrics of each query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// Each query's values in the order of the metrics; `None` where a query is left out of the mean.
    pub queries: BTreeMap<QueryId, Vec<Option<f64>>>,
}

impl Scores {
    /// The queries and values of the metric at `index`.
    pub fn values(&self, index: usize) -> impl Iterator<Item = (&str, f64)> {
        self.queries.iter().filter_map(move |(query, values)| {
            values.get(index).copied().flatten().map(|value| (query.as_str(), value))
        })
    }

    /// The mean of the metric at `index` over queries; `None` without any.
    pub fn mean(&self, index: usize) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0_u64);
        for (_, value) in self.values(index) {
            sum += value;
            count += 1;
        }
        (count > 0).then(|| sum / count as f64)
    }

    /// The values of the metric at `index` for the queries that both have, in the order of their ids. The metric may be at
    /// another index in `other`.
    pub fn paired(&self, other: &Self, index: usize) -> (Vec<f64>, Vec<f64>) {
        let metric = self.metrics.get(index);
        let Some(place) = other.metrics.iter().position(|known| Some(known) == metric) else { return <_>::default() };
        let twin = |query: &str| other.queries.get(query)?.get(place).copied().flatten();
        self.values(index).filter_map(|(query, value)| Some((value, twin(query)?))).unzip()
    }
}

/// Scores a run.
///
/// Values of one query are sums in rank order, in float64; means are sums in the order of the queries' ids.
pub fn evaluate(qrels: &Qrels, run: &Run, metrics: &[Metric], rules: &Rules) -> Scores {
    let mut queries = BTreeMap::new();
    for (query, grades) in &qrels.grades {
        let judged = Judged::new(grades, rules);
        if grades.is_empty() || (rules.needs_relevant && judged.relevant == 0) {
            continue;
        }
        let values: Vec<Option<f64>> = match run.scores.get(query) {
            Some(documents) => judged.values(query, documents, metrics, rules),
            None => metrics.iter().map(|metric| missing(*metric, rules.missing)).collect(),
        };
        if values.iter().any(Option::is_some) {
            queries.insert(query.clone(), values);
        }
    }
    Scores { metrics: metrics.to_vec(), queries }
}

/// The queries that count, as [`evaluate`] takes them where each has a ranking.
pub fn counted_queries(qrels: &Qrels, rules: &Rules) -> Vec<QueryId> {
    let counts = |grades: &BTreeMap<DocumentId, i64>| {
        !grades.is_empty() && (!rules.needs_relevant || Judged::new(grades, rules).relevant > 0)
    };
    qrels.grades.iter().filter(|(_, grades)| counts(grades)).map(|(query, _)| query.clone()).collect()
}

/// The value of a query without a ranking.
fn missing(metric: Metric, missing: Missing) -> Option<f64> {
    match missing {
        Missing::Zero => Some(0.0),
        Missing::ZeroInMrr if metric.measure == Measure::Mrr => Some(0.0),
        Missing::ZeroInMrr | Missing::LeftOut => None,
    }
}

/// The documents in the order of their ranks.
pub fn ranked(documents: &[(DocumentId, f64)], order: Order) -> Vec<&(DocumentId, f64)> {
    let mut sorted: Vec<_> = documents.iter().collect();
    sorted.sort_by(|(one, a), (other, b)| {
        order.precision.key(*b).total_cmp(&order.precision.key(*a)).then_with(|| match order.ties {
            Ties::Descending => other.cmp(one),
            Ties::Ascending => one.cmp(other),
            Ties::AsListed => Ordering::Equal,
        })
    });
    sorted
}

impl Precision {
    /// The sort key of a score; both zeros are equal.
    fn key(self, score: f64) -> f64 {
        match self {
            Self::Single => f64::from(score as f32) + 0.0,
            Self::Double => score + 0.0,
        }
    }
}

/// The judgements of one query.
struct Judged<'a> {
    grades: &'a BTreeMap<DocumentId, i64>,
    /// The gains of the relevant documents, the best first.
    ideal: Vec<i64>,
    relevant: usize,
    gain: Gain,
}

impl<'a> Judged<'a> {
    fn new(grades: &'a BTreeMap<DocumentId, i64>, rules: &Rules) -> Self {
        let gain = rules.gain;
        let mut ideal: Vec<i64> = grades.values().map(|grade| gain.of(*grade)).filter(|gain| *gain > 0).collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        Self { grades, relevant: ideal.len(), ideal, gain }
    }

    fn values(
        &self,
        query: &str,
        documents: &[(DocumentId, f64)],
        metrics: &[Metric],
        rules: &Rules,
    ) -> Vec<Option<f64>> {
        let documents = if rules.ignore_identical_ids && documents.iter().any(|(document, _)| document == query) {
            Cow::Owned(documents.iter().filter(|(document, _)| document != query).cloned().collect::<Vec<_>>())
        } else {
            Cow::Borrowed(documents)
        };
        let is_mrr = |metric: &Metric| metric.measure == Measure::Mrr;
        let gains = |order| self.gains(&documents, order);
        let main = gains(rules.order);
        let other = (rules.mrr_order != rules.order && metrics.iter().any(is_mrr)).then(|| gains(rules.mrr_order));
        let value = |metric: &Metric| {
            let gains = other.as_ref().filter(|_| is_mrr(metric)).unwrap_or(&main);
            Some(self.value(*metric, gains, rules))
        };
        metrics.iter().map(value).collect()
    }

    /// The gain at each rank; 0 where the document is not relevant.
    fn gains(&self, documents: &[(DocumentId, f64)], order: Order) -> Vec<i64> {
        let grade = |document: &str| self.grades.get(document).copied().unwrap_or(0);
        ranked(documents, order).into_iter().map(|(document, _)| self.gain.of(grade(document))).collect()
    }

    fn value(&self, metric: Metric, gains: &[i64], rules: &Rules) -> f64 {
        let cut = metric.cut.map_or(usize::MAX, usize::from);
        let top = gains.get(..cut).unwrap_or(gains);
        // The positions of relevant documents, from 0.
        let mut hits = top.iter().enumerate().filter(|(_, gain)| **gain > 0).map(|(place, _)| place);
        match metric.measure {
            Measure::Ndcg => share(discounted(top), discounted(self.ideal.get(..cut).unwrap_or(&self.ideal))),
            Measure::Recall => share(hits.count() as f64, self.relevant as f64),
            Measure::Mrr => hits.next().map_or(0.0, |place| 1.0 / (place + 1) as f64),
            Measure::Map => {
                let precisions = hits.enumerate().map(|(before, place)| (before + 1) as f64 / (place + 1) as f64);
                let relevant = match rules.map_denominator {
                    MapDenominator::Relevant => self.relevant,
                    MapDenominator::AtMostCut => self.relevant.min(cut),
                };
                share(sum(precisions), relevant as f64)
            }
            Measure::Precision => share(hits.count() as f64, metric.cut.map_or(top.len(), usize::from) as f64),
            Measure::Success => f64::from(hits.next().is_some()),
        }
    }
}

impl Gain {
    fn of(self, grade: i64) -> i64 {
        match self {
            Self::Graded => grade.max(0),
            Self::Binary => i64::from(grade > 0),
        }
    }
}

/// The discounted cumulative gain.
fn discounted(gains: &[i64]) -> f64 {
    let gains = gains.iter().enumerate().filter(|(_, gain)| **gain > 0);
    sum(gains.map(|(place, gain)| *gain as f64 / libm::log2((place + 2) as f64)))
}

/// Sums from left to right. The empty sum is 0, not -0 as in `Iterator::sum`.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// The ratio of a part to a whole; 0 for an empty whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
