//! `objectives`

use serde::{Deserialize, Serialize};

use super::data::{Reference, Sources};
use super::fields::{fields, list, text};
use super::keys::OBJECTIVE;
use crate::eval::Metric;
use crate::recipe::NodePath;
use crate::yaml::{Checked, Diagnostic, Diagnostics, Node};

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
    diagnostics: &mut Diagnostics,
) -> Checked<Vec<Objective>> {
    let Node::Map(entries) = node else {
        return Err(Diagnostic::value(at, format!("expected names with a metric and data sets each, found {node}"))
            .hint("as `objectives: {mono: {metric: ndcg@10, mean: [sets/korquad]}, …}`".to_owned()));
    };
    let mut found = Vec::new();
    for (name, value) in entries {
        found.extend(diagnostics.attempt(|diagnostics| objective(name, value, &at.key(name), sources, diagnostics)));
    }
    if entries.len() < 2 {
        let count = if entries.is_empty() { "none" } else { "one" };
        return Err(Diagnostic::key(
            at,
            format!("a sweep weighs two objectives or more against each other, found {count}"),
        )
        .hint("a mean hides a direction that collapses: give each direction an objective of its own".to_owned()));
    }
    Ok(found)
}

fn objective(
    name: &str,
    value: &Node,
    here: &NodePath,
    sources: &mut Sources<'_>,
    diagnostics: &mut Diagnostics,
) -> Checked<Objective> {
    let fields = fields(value, here, &OBJECTIVE, diagnostics)?;
    let metric = diagnostics.attempt(|_| match fields.get("metric") {
        None => parse_metric("ndcg@10", here),
        Some((node, at)) => parse_metric(&text(node, &at, "a metric")?, &at),
    });
    let (mean, mean_at) = fields.need("mean")?;
    let entries = list(mean, &mean_at, "data sets")?;
    let mut mean: Vec<Reference> = Vec::new();
    for (entry, at) in &entries {
        let Some(reference) = diagnostics.attempt(|diagnostics| sources.reference(entry, at, diagnostics)) else {
            continue;
        };
        if mean.contains(&reference) {
            diagnostics.fault(Diagnostic::value(at, "the data set stands in this mean twice"));
        } else {
            mean.push(reference);
        }
    }
    // A metric that is none was noted; the objective is not used.
    let metric = metric.map_or_else(|| parse_metric("ndcg@10", here), Ok)?;
    Ok(Objective { name: name.to_owned(), metric, mean })
}

fn parse_metric(name: &str, at: &NodePath) -> Checked<Metric> {
    name.parse().map_err(|error| Diagnostic::value(at, format!("{error}")))
}
