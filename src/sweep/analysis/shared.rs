//! What several studies have in common: data sets of the same content, with the same metric, and the queries that all of them scored.

use std::collections::HashMap;
use std::fmt;

use crate::eval::Metric;
use crate::sweep::Error;
use crate::sweep::study::{Layout, Study, TrialStage};

/// A data set in one direction, with a metric, that every study has.
#[derive(Clone, Debug)]
pub struct SharedSet {
    /// What each study calls it.
    pub names: Vec<String>,
    /// The metric.
    pub metric: Metric,
    /// The queries that all of them scored.
    pub queries: usize,
    /// Where it is in each study.
    places: Vec<Place>,
}

impl fmt::Display for SharedSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.names.first().map_or("", String::as_str), self.metric)
    }
}

/// A data set and a metric of a study, and the places of the common queries in its lists of values.
#[derive(Clone, Debug)]
struct Place {
    set: usize,
    metric: usize,
    queries: Vec<usize>,
}

/// A data set that not every study has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotShared {
    /// The study.
    pub study: usize,
    /// What it calls it.
    pub name: String,
    /// The metric.
    pub metric: Metric,
}

/// What all studies share at a stage, in the first study's order, and what they do not.
pub(super) fn shared(studies: &[&Study], stage: TrialStage) -> Result<(Vec<SharedSet>, Vec<NotShared>), Error> {
    let columns: Vec<Vec<(usize, Metric)>> = studies.iter().map(|study| columns(study)).collect();
    let lists = studies.iter().map(|study| lists(study, stage)).collect::<Result<Vec<_>, Error>>()?;
    let mut found = Vec::new();
    let mut used: Vec<Vec<(usize, Metric)>> = vec![Vec::new(); studies.len()];
    for &(set, metric) in columns.first().map(Vec::as_slice).unwrap_or_default() {
        let content = |study: usize, set: usize| studies[study].manifest.sets[set].content_at(stage);
        let wanted = content(0, set);
        let same = |study: usize| {
            let mut there = columns[study].iter();
            there.find(|(other, of)| !wanted.is_empty() && content(study, *other) == wanted && *of == metric).copied()
        };
        let Some(sets) = (0..studies.len()).map(same).collect::<Option<Vec<_>>>() else { continue };
        let ids: Vec<&[String]> = sets.iter().zip(&lists).map(|((set, _), lists)| lists[*set].as_slice()).collect();
        let common = common(&ids);
        let queries = common.first().map_or(0, Vec::len);
        if queries == 0 {
            continue;
        }
        let place = |(study, ((set, metric), queries)): (usize, (&(usize, Metric), Vec<usize>))| Place {
            set: *set,
            metric: studies[study].manifest.metrics().iter().position(|known| known == metric).unwrap_or_default(),
            queries,
        };
        let places = sets.iter().zip(common).enumerate().map(place).collect();
        let label = |(study, (set, _)): (usize, &(usize, Metric))| studies[study].manifest.sets[*set].label.clone();
        found.push(SharedSet { names: sets.iter().enumerate().map(label).collect(), metric, queries, places });
        for (used, column) in used.iter_mut().zip(sets) {
            used.push(column);
        }
    }
    let mut rest = Vec::new();
    for (study, (columns, used)) in columns.iter().zip(&used).enumerate() {
        let others = columns.iter().filter(|column| !used.contains(column));
        let name = |set: &usize| studies[study].manifest.sets[*set].label.clone();
        rest.extend(others.map(|(set, metric)| NotShared { study, name: name(set), metric: *metric }));
    }
    Ok((found, rest))
}

/// The data sets of a study's objectives with their metrics, each once.
fn columns(study: &Study) -> Vec<(usize, Metric)> {
    let mut found = Vec::new();
    for (objective, sets) in study.manifest.spec.objectives.iter().zip(&study.manifest.objectives) {
        for set in sets {
            if !found.contains(&(*set, objective.metric)) {
                found.push((*set, objective.metric));
            }
        }
    }
    found
}

/// The ids of the queries of every data set; none where no trial was scored.
fn lists(study: &Study, stage: TrialStage) -> Result<Vec<Vec<String>>, Error> {
    let part = if stage == TrialStage::Confirm { "report" } else { "select" };
    let list = |set| Ok(study.store.read_json(&Layout::queries(part, set))?.unwrap_or_default());
    (0..study.manifest.sets.len()).map(list).collect()
}

/// The places of the ids that every list has, list by list, in the order of the first.
fn common(lists: &[&[String]]) -> Vec<Vec<usize>> {
    let places: Vec<HashMap<&str, usize>> =
        lists.iter().map(|ids| ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect()).collect();
    let mut found = vec![Vec::new(); lists.len()];
    for id in lists.first().copied().unwrap_or_default() {
        if let Some(row) = places.iter().map(|places| places.get(id.as_str()).copied()).collect::<Option<Vec<_>>>() {
            for (found, place) in found.iter_mut().zip(row) {
                found.push(place);
            }
        }
    }
    found
}

/// A trial's values on the common queries of every shared data set.
pub(super) fn values(shared: &[SharedSet], study: &Study, index: usize, key: &str) -> Result<Vec<Vec<f64>>, Error> {
    let all = study.store.per_query(key)?;
    let of_set = |set: &SharedSet| {
        let Some(place) = set.places.get(index) else { return Vec::new() };
        let values = all.sets.get(place.set).and_then(|set| set.metrics.get(place.metric));
        let value = |at: &usize| values.and_then(|values| values.get(*at)).copied().unwrap_or(f64::NAN);
        place.queries.iter().map(value).collect()
    };
    Ok(shared.iter().map(of_set).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_queries_are_found_whatever_their_order() {
        let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        let (one, other) = (list(&["a", "b", "c"]), list(&["c", "x", "a"]));
        assert_eq!(common(&[&one, &other]), [vec![0, 2], vec![2, 0]]);
        assert_eq!(common(&[&one, &[]]), [Vec::<usize>::new(), Vec::new()]);
    }
}
