//! `objectives`

use serde::{Deserialize, Serialize};

use super::data::{Reference, Sources};
use super::fields::{fields, list, text};
use super::keys::OBJECTIVE;
use crate::eval::Metric;
use crate::recipe::NodePath;
use crate::recipe::yaml::{Checked, Fault, Node, Notes};

/// Something that is to be good: a metric's mean over data sets, each weighing the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Its name.
    pub name: String,
    /// The metric.
    #[serde(with = "super::settings::as_text")]
    pub metric: Metric,
    /// The data sets.
    pub mean: Vec<Reference>,
}

/// Reads `objectives`.
pub(super) fn objectives(
    node: &Node,
    at: &NodePath,
    sources: &mut Sources<'_>,
    notes: &mut Notes,
) -> Checked<Vec<Objective>> {
    let Node::Map(entries) = node else {
        return Err(Fault::value(at, format!("expected names with a metric and data sets each, found {node}"))
            .hint("as `objectives: {mono: {metric: ndcg@10, mean: [sets/korquad]}, …}`".to_owned()));
    };
    let mut found = Vec::new();
    for (name, value) in entries {
        let here = at.key(name);
        let fields = fields(value, &here, &OBJECTIVE, notes)?;
        let metric = match fields.get("metric") {
            None => "ndcg@10".to_owned(),
            Some((node, at)) => text(node, &at, "a metric")?,
        };
        let metric_at = fields.get("metric").map_or(here.clone(), |(_, at)| at);
        let metric = metric.parse().map_err(|error| Fault::value(&metric_at, format!("{error}")))?;
        let (mean, mean_at) = fields.need("mean")?;
        let entries = list(mean, &mean_at, "data sets")?;
        let mean =
            entries.iter().map(|(entry, at)| sources.reference(entry, at, notes)).collect::<Checked<Vec<_>>>()?;
        if let Some(second) = (1..mean.len()).find(|index| mean[..*index].contains(&mean[*index])) {
            let (_, at) = &entries[second];
            return Err(Fault::value(at, "the data set stands in this mean twice"));
        }
        found.push(Objective { name: name.clone(), metric, mean });
    }
    if found.len() < 2 {
        let count = if found.is_empty() { "none" } else { "one" };
        return Err(Fault::key(at, format!("a sweep weighs two objectives or more against each other, found {count}"))
            .hint("a mean hides a direction that collapses: give each direction an objective of its own".to_owned()));
    }
    Ok(found)
}
