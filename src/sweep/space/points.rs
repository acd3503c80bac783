//! The space of points: a value for each variable of the recipe.

use serde::{Deserialize, Serialize};

use super::axis::Axis;

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
