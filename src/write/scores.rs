//! The scores of a merge as its model card shows them: a table, and the Hub's block of results.

use std::fmt::Write as _;

use crate::escape::{markdown, yaml};

/// The file of the plot beside README.md.
pub(super) const PLOT: &str = "trade-off.svg";

/// What a merge scored where it was chosen, for its model card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CardScores {
    /// Why it was chosen, in sentences.
    pub summary: Vec<String>,
    /// What it was scored on: `held-out queries`.
    pub queries: String,
    /// What it is compared with.
    pub reference: Option<String>,
    /// The data sets.
    pub sets: Vec<SetScore>,
    /// The languages of the data sets, as codes.
    pub languages: Vec<String>,
    /// A plot, as an SVG file.
    pub plot: Option<String>,
}

/// The scores on a data set in one direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetScore {
    /// What tables call it.
    pub label: String,
    /// The data set's name.
    pub name: String,
    /// Its name on the Hub, where it is known.
    pub hub: Option<String>,
    /// The direction.
    pub direction: Option<String>,
    /// The split.
    pub split: Option<String>,
    /// The queries.
    pub queries: usize,
    /// The metrics, the first one that of the table.
    pub metrics: Vec<MetricScore>,
}

/// A metric on a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricScore {
    /// The metric: `ndcg@10`.
    pub metric: String,
    /// The mean.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The difference from the reference, and its 95 % interval.
    pub difference: Option<(f64, (f64, f64))>,
}

impl CardScores {
    /// The part of the card that people read.
    pub(super) fn text(&self) -> String {
        let mut out = String::from("\n## Scores\n");
        if !self.summary.is_empty() {
            let sentences: Vec<String> = self.summary.iter().map(|sentence| markdown(sentence)).collect();
            let _ = write!(out, "\n{}\n", sentences.join(" "));
        }
        let Some(metric) = self.sets.first().and_then(|set| set.metrics.first()) else { return out };
        let reference = self.reference.as_deref().map(|reference| format!("difference from {reference}"));
        let _ = write!(
            out,
            "\nMeasured on {}.\n\n| data set | queries | {} | 95 % interval |{}\n|---|---:|---:|---:|{}\n",
            markdown(&self.queries),
            markdown(&metric.metric),
            reference.as_deref().map_or_else(String::new, |named| format!(" {} | 95 % interval |", markdown(named))),
            if reference.is_some() { "---:|---:|" } else { "" }
        );
        for set in &self.sets {
            let Some(score) = set.metrics.first() else { continue };
            let (value, range) = (score.value, interval(score.interval, false));
            let _ = write!(out, "| {} | {} | {value:.4} | {range} |", markdown(&set.label), set.queries);
            if reference.is_some() {
                let difference =
                    score.difference.map_or_else(String::new, |(difference, _)| format!("{difference:+.4}"));
                let range = interval(score.difference.map(|(_, interval)| interval), true);
                let _ = write!(out, " {difference} | {range} |");
            }
            out.push('\n');
        }
        if self.plot.is_some() {
            let _ = write!(out, "\n![What the merge gains and costs]({PLOT})\n");
        }
        out
    }

    /// The block of the front matter from which the Hub and leaderboards read results, in per cent as they have them.
    pub(super) fn model_index(&self, name: &str) -> String {
        if self.sets.is_empty() {
            return String::new();
        }
        let mut out = format!("model-index:\n- name: {}\n  results:\n", yaml(name));
        for set in &self.sets {
            let _ = write!(
                out,
                "  - task:\n      type: Retrieval\n    dataset:\n      name: {}\n      type: {}\n      config: {}\n",
                yaml(&set.label),
                yaml(set.hub.as_deref().unwrap_or(&set.name)),
                yaml(set.direction.as_deref().unwrap_or("default"))
            );
            if let Some(split) = &set.split {
                let _ = writeln!(out, "      split: {}", yaml(split));
            }
            out.push_str("    metrics:\n");
            for score in &set.metrics {
                let value = (score.value * 1e5).round() / 1e3;
                let _ = writeln!(out, "    - type: {}\n      value: {value}", yaml(&score.metric.replace('@', "_at_")));
            }
        }
        out
    }
}

fn interval(interval: Option<(f64, f64)>, signed: bool) -> String {
    match interval {
        Some((low, high)) if signed => format!("{low:+.4} to {high:+.4}"),
        Some((low, high)) => format!("{low:.4} to {high:.4}"),
        None => String::new(),
    }
}
