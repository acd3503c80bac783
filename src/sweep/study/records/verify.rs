//! Checks that a trial's result is the one that was computed: that its values are intact and its means agree with them.

use std::collections::BTreeMap;

use super::trial_result::TrialResult;
use crate::eval::Metric;
use crate::sweep::Error;
use crate::sweep::study::layout::Layout;
use crate::sweep::study::manifest::Manifest;
use crate::sweep::study::open::Study;
use crate::sweep::study::stage::TrialStage;
use crate::sweep::study::store::{PerQuery, Store, mean_of, order_hash};

/// The largest difference of equal means, which comes from writing numbers in decimal.
const ROUNDING: f64 = 1e-9;

/// The hashes of the queries' lists as far as they are written, by the name of the list and the data set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders(BTreeMap<String, String>);

impl Orders {
    pub(crate) fn read(study: &Study) -> Result<Self, Error> {
        let mut found = BTreeMap::new();
        for entry in study.store.list(Layout::QUERIES)? {
            let name = Layout::entry(Layout::QUERIES, &entry);
            if let Some(ids) = study.store.read_json::<Vec<String>>(&name)? {
                found.insert(name, order_hash(&ids));
            }
        }
        Ok(Self(found))
    }

    fn at(&self, stage: TrialStage, set: usize) -> Option<&String> {
        self.0.get(&Layout::queries(&stage.queries(), set))
    }
}

/// The ids of a data set's queries; `None` where they are not written.
fn ids(store: &Store, name: &str, index: usize) -> Result<Option<Vec<String>>, Error> {
    store.read_json(&Layout::queries(name, index))
}

impl Study {
    /// The ids of the queries of every data set.
    ///
    /// # Errors
    /// A list that is missing or damaged.
    pub fn queries(&self, stage: TrialStage) -> Result<Vec<Vec<String>>, Error> {
        let name = &stage.queries();
        let missing = |index| self.store.damaged(&Layout::queries(name, index), "it is missing");
        let of = |index| ids(&self.store, name, index)?.ok_or_else(|| missing(index));
        (0..self.manifest.sets.len()).map(of).collect()
    }

    /// A trial's result; `None` where there is none.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub(crate) fn result(&self, key: &str, orders: &Orders) -> Result<Option<TrialResult>, Error> {
        let name = Layout::result(key);
        let Some(mut done) = self.store.read_json::<TrialResult>(&name)? else { return Ok(None) };
        let damaged = |problem: String| self.store.damaged(&name, problem);
        if format!("{}.{}", done.trial, done.stage) != key {
            return Err(damaged(format!("it is the result of the trial {}.{}", done.trial, done.stage)));
        }
        let stage: TrialStage = done.stage.parse().map_err(damaged)?;
        let of_values = Layout::values(key);
        let (values, hash) = self.store.values(key)?.ok_or_else(|| self.store.damaged(&of_values, "it is missing"))?;
        if hash != done.values {
            return Err(self.store.damaged(&of_values, format!("these are not the values that `{name}` was made of")));
        }
        holds_values(&self.manifest, &values, &|set| orders.at(stage, set))
            .map_err(|problem| self.store.damaged(&of_values, problem))?;
        holds_means(&self.manifest, stage, &mut done, &values).map_err(damaged)?;
        Ok(Some(done))
    }
}

/// Checks that values are complete and possible.
fn holds_values<'a>(
    manifest: &Manifest,
    values: &PerQuery,
    order: &dyn Fn(usize) -> Option<&'a String>,
) -> Result<(), String> {
    let metrics = manifest.metrics();
    if values.sets.len() != manifest.sets.len() {
        return Err(format!("it has {} data sets, and the study {}", values.sets.len(), manifest.sets.len()));
    }
    for (index, (found, set)) in values.sets.iter().zip(&manifest.sets).enumerate() {
        if found.metrics.len() != metrics.len() {
            return Err(format!("it has {} metrics, and the study {}", found.metrics.len(), metrics.len()));
        }
        if order(index).is_some_and(|order| *order != found.order) {
            return Err(format!("its queries of `{}` are not those of the study", set.label));
        }
        for (metric, values) in metrics.iter().zip(&found.metrics) {
            if let Some(value) = values.iter().find(|value| !is_possible(*metric, **value)) {
                return Err(format!("it has the value {value} of {metric}, which lies between 0 and 1"));
            }
        }
    }
    Ok(())
}

/// Whether a value is possible for a metric. NaN marks a query that is left out of the mean, and all metrics are between 0
/// and 1.
fn is_possible(_: Metric, value: f64) -> bool {
    value.is_nan() || (-ROUNDING..=1.0 + ROUNDING).contains(&value)
}

/// Checks that means agree with the values, and replaces them by the exact means.
fn holds_means(
    manifest: &Manifest,
    stage: TrialStage,
    done: &mut TrialResult,
    values: &PerQuery,
) -> Result<(), String> {
    let metrics: Vec<String> = manifest.metrics().iter().map(ToString::to_string).collect();
    if done.admix != manifest.admix {
        return Err(format!("admix {} made it, and {} the study", done.admix, manifest.admix));
    }
    if done.sets.len() != manifest.sets.len() {
        return Err(format!("it has {} data sets, and the study {}", done.sets.len(), manifest.sets.len()));
    }
    for ((found, set), values) in done.sets.iter_mut().zip(&manifest.sets).zip(&values.sets) {
        let label = &set.label;
        if found.set != *label {
            return Err(format!("it has the data set `{}` where the study has `{label}`", found.set));
        }
        let is_whole = if matches!(stage, TrialStage::Race(_)) {
            found.documents <= set.documents
        } else {
            found.documents == set.documents
        };
        let counted = values.metrics.first().map_or(0, |values| values.iter().filter(|x| x.is_finite()).count());
        if !is_whole || found.queries != counted {
            return Err(format!("it counts {} queries and {} documents of `{label}`", found.queries, found.documents));
        }
        if found.means.len() != metrics.len() {
            return Err(format!("it has {} means over `{label}`, and the study {}", found.means.len(), metrics.len()));
        }
        for (metric, values) in metrics.iter().zip(&values.metrics) {
            let computed = mean_of(values);
            let Some(written) = found.means.get_mut(metric) else {
                return Err(format!("it has no mean of {metric} over `{label}`"));
            };
            let is_same = match (*written, computed) {
                (Some(written), Some(computed)) => (written - computed).abs() <= ROUNDING,
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                let mean_text = |mean: Option<f64>| mean.map_or_else(|| "none".to_owned(), |mean| mean.to_string());
                return Err(format!(
                    "its mean of {metric} over `{label}` is {}, and that of its queries {}",
                    mean_text(*written),
                    mean_text(computed)
                ));
            }
            *written = computed;
        }
    }
    Ok(())
}
