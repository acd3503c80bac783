//! The space of points: a value for each variable of the recipe.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::grouped::Grouped;

/// The values that all variables may have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Space {
    /// The axes, in the order of the sweep file.
    pub axes: Vec<Axis>,
}

impl Space {
    /// The variables, in the order in which a point has their values.
    pub fn names(&self) -> Vec<&str> {
        self.axes.iter().flat_map(Axis::names).collect()
    }

    /// The variables as the recipe names them, in the order of the sweep file.
    pub fn variables(&self) -> Vec<&str> {
        self.axes.iter().flat_map(Axis::variables).collect()
    }

    /// The variables with their values at a point, as the recipe takes them.
    pub fn texts(&self, point: &[f64]) -> BTreeMap<String, String> {
        self.parts(point).flat_map(|(axis, values)| axis.texts(values)).collect()
    }

    /// What a point is called, and whether that says all of it: of groups' values it has the mean.
    pub fn label(&self, point: &[f64]) -> (String, bool) {
        let labels: Vec<String> = self.parts(point).map(|(axis, values)| axis.label(values)).collect();
        (labels.join(" "), self.parts(point).all(|(axis, values)| axis.is_told(values)))
    }

    /// The values of groups of tensors in which they differ, a line for each variable.
    pub fn told(&self, point: &[f64]) -> Vec<String> {
        let told = |(axis, values): (&Axis, &[f64])| match axis {
            Axis::Grouped(grouped) => grouped.told(values),
            _ => None,
        };
        self.parts(point).filter_map(told).collect()
    }

    /// Each axis with its values of a point.
    fn parts<'a>(&'a self, point: &'a [f64]) -> impl Iterator<Item = (&'a Axis, &'a [f64])> {
        self.axes.iter().scan(0, |at, axis| {
            let begin = *at;
            *at += axis.names().len();
            Some((axis, point.get(begin..*at).unwrap_or_default()))
        })
    }

    /// The variables that have a value for each group of tensors.
    pub fn grouped(&self) -> impl Iterator<Item = &Grouped> {
        self.axes.iter().filter_map(|axis| match axis {
            Axis::Grouped(grouped) => Some(grouped),
            _ => None,
        })
    }

    /// The same space before the checkpoints were known.
    pub(crate) fn without_groups(&self) -> Self {
        let plain = |axis: &Axis| match axis {
            Axis::Grouped(grouped) => Axis::Grouped(grouped.clone().with_groups(None)),
            other => other.clone(),
        };
        Self { axes: self.axes.iter().map(plain).collect() }
    }

    /// The number of unit coordinates of a point.
    pub fn dimensions(&self) -> usize {
        self.axes.iter().map(Axis::dimensions).sum()
    }

    /// The points of a grid, with the last axis varying fastest; `None` if there are more than `most`.
    pub fn grid(&self, most: usize) -> Option<Vec<Vec<f64>>> {
        let mut points: Vec<Vec<f64>> = vec![Vec::new()];
        for axis in &self.axes {
            let steps = axis.grid(most)?;
            if points.len().checked_mul(steps.len()).is_none_or(|count| count > most) {
                return None;
            }
            points = points
                .iter()
                .flat_map(|point| steps.iter().map(move |step| point.iter().chain(step).copied().collect()))
                .collect();
        }
        Some(points)
    }

    /// The point at unit coordinates, one for each dimension.
    pub fn place(&self, unit: &[f64]) -> Vec<f64> {
        let mut at = 0;
        let mut point = Vec::new();
        for axis in &self.axes {
            let end = at + axis.dimensions();
            point.extend(axis.place(unit.get(at..end).unwrap_or_default()));
            at = end;
        }
        point
    }

    /// The unit coordinates of a point.
    pub fn unit(&self, point: &[f64]) -> Vec<f64> {
        let mut at = 0;
        let mut unit = Vec::new();
        for axis in &self.axes {
            let end = at + axis.names().len();
            unit.extend(axis.unit(point.get(at..end).unwrap_or_default()));
            at = end;
        }
        unit
    }
}
