//! What earlier revisions of a study know of a trial. A query's values are taken over where its data set has the same documents, queries
//! and judgements, whatever the data set is called and however its queries are shared out now.

use std::collections::HashMap;

use super::trial_result::{SetMeans, TrialResult};
use super::verify::Orders;
use crate::sweep::Error;
use crate::sweep::study::layout::Layout;
use crate::sweep::study::manifest::Manifest;
use crate::sweep::study::open::Study;
use crate::sweep::study::stage::TrialStage;
use crate::sweep::study::store::{PerQuery, SetValues, mean_of, order_hash};

/// The stages whose values can stand elsewhere: those over all documents.
const STAGES: [TrialStage; 2] = [TrialStage::Full, TrialStage::Confirm];

/// What is known of a trial.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    /// The hash of the weights that it is known of.
    pub(crate) weights: String,
    /// Data set by data set; `None` where it must be scored.
    pub(crate) sets: Vec<Option<CarriedSet>>,
}

/// What is known of a trial on a data set.
#[derive(Clone, Debug)]
pub(crate) struct CarriedSet {
    /// The queries' ids.
    pub(crate) queries: Vec<String>,
    pub(crate) means: SetMeans,
    pub(crate) values: SetValues,
}

impl Carried {
    /// The data sets that must be scored.
    pub(crate) fn missing(&self) -> Vec<usize> {
        (0..self.sets.len()).filter(|index| self.sets[*index].is_none()).collect()
    }
}

/// The earlier revisions of a study, the latest first, with their lists of queries.
#[derive(Debug)]
pub(crate) struct Carrier<'a> {
    manifest: &'a Manifest,
    revisions: Vec<Revision<'a>>,
}

#[derive(Debug)]
struct Revision<'a> {
    study: &'a Study,
    orders: Orders,
    /// The ids of queries, by stage and data set.
    queries: [Vec<Vec<String>>; 2],
}

/// A record of a trial, with the place of its stage in [`STAGES`].
struct Known<'f> {
    revision: &'f Revision<'f>,
    at: usize,
    done: TrialResult,
    values: PerQuery,
}

impl<'a> Carrier<'a> {
    pub(crate) fn new(study: &'a Study) -> Result<Self, Error> {
        let revision = |revision: &'a Study| {
            let lists = |part: &str| {
                let list = |index| revision.store.read_json::<Vec<String>>(&Layout::queries(part, index));
                let each = 0..revision.manifest.sets.len();
                each.map(|index| Ok(list(index)?.unwrap_or_default())).collect::<Result<Vec<_>, Error>>()
            };
            Ok(Revision {
                study: revision,
                orders: Orders::read(revision)?,
                queries: [lists("select")?, lists("report")?],
            })
        };
        let revisions = study.earlier.iter().rev().map(revision).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self { manifest: &study.manifest, revisions })
    }

    /// What is known of a trial on these queries, data set by data set; `None` where that is nothing.
    ///
    /// # Errors
    /// A record that cannot be read or is damaged.
    pub(crate) fn find(
        &self,
        trial: &str,
        stage: TrialStage,
        wanted: &[Vec<String>],
    ) -> Result<Option<Carried>, Error> {
        if !STAGES.contains(&stage) || wanted.len() != self.manifest.sets.len() {
            return Ok(None);
        }
        let mut known: Vec<Known<'_>> = Vec::new();
        for revision in &self.revisions {
            for (at, of) in STAGES.into_iter().enumerate() {
                let key = format!("{trial}.{of}");
                let Some(done) = revision.study.result(&key, &revision.orders)? else { continue };
                if known.first().is_none_or(|first| first.done.weights == done.weights) {
                    known.push(Known { revision, at, values: revision.study.store.per_query(&key)?, done });
                }
            }
        }
        let Some(weights) = known.first().map(|first| first.done.weights.clone()) else { return Ok(None) };
        let sets: Vec<Option<CarriedSet>> =
            wanted.iter().enumerate().map(|(index, wanted)| self.set(index, stage, wanted, &known)).collect();
        Ok(sets.iter().any(Option::is_some).then_some(Carried { weights, sets }))
    }

    fn set(&self, index: usize, stage: TrialStage, wanted: &[String], known: &[Known<'_>]) -> Option<CarriedSet> {
        let set = self.manifest.sets.get(index)?;
        let content = set.content_at(stage);
        if content.is_empty() || wanted.is_empty() {
            return None;
        }
        let metrics = self.manifest.metrics();
        let mut found: HashMap<&str, Vec<f64>> = HashMap::new();
        let mut tokens = None;
        for Known { revision, at, done, values } in known {
            let manifest = &revision.study.manifest;
            let places: Option<Vec<usize>> =
                metrics.iter().map(|metric| manifest.metrics().iter().position(|other| other == metric)).collect();
            let Some(places) = places else { continue };
            let same =
                |(_, other): &(usize, &crate::sweep::study::manifest::Set)| other.content_at(STAGES[*at]) == content;
            for (other, _) in manifest.sets.iter().enumerate().filter(same) {
                let (Some(ids), Some(values)) = (revision.queries[*at].get(other), values.sets.get(other)) else {
                    continue;
                };
                for (query, id) in ids.iter().enumerate() {
                    let of = |place: &usize| values.metrics.get(*place)?.get(query).copied();
                    if let Some(row) = places.iter().map(of).collect() {
                        found.entry(id).or_insert(row);
                    }
                }
                tokens = tokens.or_else(|| done.sets.get(other).map(|means| means.tokens));
            }
        }
        let rows: Vec<&Vec<f64>> = wanted.iter().map(|id| found.get(id.as_str())).collect::<Option<_>>()?;
        let columns: Vec<Vec<f64>> = (0..metrics.len()).map(|at| rows.iter().map(|row| row[at]).collect()).collect();
        let means = SetMeans {
            set: set.label.clone(),
            queries: columns.first().map_or(0, |values| values.iter().filter(|value| value.is_finite()).count()),
            documents: set.documents,
            tokens: tokens.unwrap_or_default(),
            means: metrics.iter().map(ToString::to_string).zip(columns.iter().map(|values| mean_of(values))).collect(),
        };
        let values = SetValues { order: order_hash(wanted), metrics: columns };
        Some(CarriedSet { queries: wanted.to_vec(), means, values })
    }
}
