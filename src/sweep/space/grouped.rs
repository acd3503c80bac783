//! A variable with a value for each group of tensors.

use serde::{Deserialize, Serialize};

use super::rounding::shortened;
use crate::granularity::{By, Grouping};

/// The most groups whose values are shown in a line.
const MOST_TOLD: usize = 60;

/// A variable with a value for each group of tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grouped {
    /// The variable.
    pub name: String,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// What tensors must share to have one value.
    pub by: By,
    /// The groups, once the checkpoints are known; one value for all before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub groups: Option<Grouping>,
    /// The name of each value: `a[attention 0]`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    columns: Vec<String>,
}

impl Grouped {
    /// A variable whose groups are not known yet.
    pub(crate) fn new(name: &str, min: f64, max: f64, by: By) -> Self {
        Self { name: name.to_owned(), min, max, by, groups: None, columns: vec![name.to_owned()] }
    }

    /// The same with its groups.
    pub(crate) fn with_groups(mut self, groups: Option<Grouping>) -> Self {
        self.columns = match &groups {
            Some(groups) => groups.names().map(|group| format!("{}[{group}]", self.name)).collect(),
            None => vec![self.name.clone()],
        };
        self.groups = groups;
        self
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.groups.as_ref().map_or(1, Grouping::len)
    }

    /// Whether it has no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.columns.iter().map(String::as_str).collect()
    }

    /// The value at a unit coordinate, with three decimals: recipes have many of them.
    pub(super) fn place(&self, unit: f64) -> f64 {
        shortened(self.min + unit.clamp(0.0, 1.0) * (self.max - self.min)).clamp(self.min, self.max)
    }

    pub(super) fn unit(&self, value: f64) -> f64 {
        ((value - self.min) / (self.max - self.min)).clamp(0.0, 1.0)
    }

    /// The variable in a recipe: a number, or conditions where the groups' values differ.
    pub(super) fn text(&self, values: &[f64]) -> String {
        match &self.groups {
            Some(groups) => groups.text(values),
            None => values.first().copied().unwrap_or_default().to_string(),
        }
    }

    /// The share of each group in what the variable changes.
    pub(crate) fn shares(&self) -> Vec<f64> {
        self.groups.as_ref().map_or_else(|| vec![1.0], |groups| groups.shares().collect())
    }

    /// What a label says: the value of all groups, or their mean by their shares.
    pub(super) fn label(&self, values: &[f64]) -> String {
        if self.is_uniform(values) {
            return format!("{}={}", self.name, values.first().copied().unwrap_or_default());
        }
        let mean: f64 = values.iter().zip(self.shares()).map(|(value, share)| value * share).sum();
        format!("{}~{}", self.name, (mean * 100.0).round() / 100.0)
    }

    /// The value of each group, where they differ and are few enough to be read.
    pub(super) fn told(&self, values: &[f64]) -> Option<String> {
        let groups = self.groups.as_ref().filter(|_| !self.is_uniform(values) && values.len() <= MOST_TOLD)?;
        Some(format!("{}: {}.", self.name, groups.told(values)))
    }

    /// Whether all groups have one value.
    pub(super) fn is_uniform(&self, values: &[f64]) -> bool {
        values.iter().all(|value| values.first() == Some(value))
    }
}
