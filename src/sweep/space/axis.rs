//! The values of one variable, or of variables that sum to 1.

use serde::{Deserialize, Serialize};

use super::grouped::Grouped;
use super::rounding::rounded;
use super::simplex::{count_simplex, gaps, lattice, parts};

/// The possible values of a variable, or of variables that sum to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// A list of values.
    Values {
        /// The variable.
        name: String,
        /// Its values, smallest first.
        values: Vec<f64>,
    },
    /// Every value between two bounds.
    Range {
        /// The variable.
        name: String,
        /// The smallest value.
        min: f64,
        /// The largest value.
        max: f64,
        /// The distance between values; `None` for a continuous range.
        step: Option<f64>,
    },
    /// Variables of at least 0 that sum to 1.
    Simplex {
        /// The variables.
        of: Vec<String>,
        /// The distance between values, which divides 1; `None` for a continuous simplex.
        step: Option<f64>,
    },
    /// A variable with a value for each group of tensors.
    Grouped(Grouped),
}

/// Number of steps of a continuous axis in a grid.
const STEPS: u64 = 10;

impl Axis {
    /// The variables, in order. One with groups is named once for each of them.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Values { name, .. } | Self::Range { name, .. } => vec![name],
            Self::Simplex { of, .. } => of.iter().map(String::as_str).collect(),
            Self::Grouped(grouped) => grouped.names(),
        }
    }

    /// The variables as the recipe names them, in order.
    pub fn variables(&self) -> Vec<&str> {
        match self {
            Self::Grouped(grouped) => vec![&grouped.name],
            _ => self.names(),
        }
    }

    /// The variables with their values as the recipe takes them.
    pub fn texts(&self, values: &[f64]) -> Vec<(String, String)> {
        match self {
            Self::Grouped(grouped) => vec![(grouped.name.clone(), grouped.text(values))],
            _ => self.names().iter().zip(values).map(|(name, value)| ((*name).to_owned(), value.to_string())).collect(),
        }
    }

    /// Its part of a point's label.
    pub(super) fn label(&self, values: &[f64]) -> String {
        match self {
            Self::Grouped(grouped) => grouped.label(values),
            _ => {
                let parts = self.names().into_iter().zip(values).map(|(name, value)| format!("{name}={value}"));
                parts.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// Whether its part of a label says all of a point.
    pub(super) fn is_told(&self, values: &[f64]) -> bool {
        match self {
            Self::Grouped(grouped) => grouped.is_uniform(values),
            _ => true,
        }
    }

    /// The number of unit coordinates of a point on the axis.
    pub fn dimensions(&self) -> usize {
        match self {
            Self::Values { .. } | Self::Range { .. } => 1,
            Self::Simplex { of, .. } => of.len().saturating_sub(1),
            Self::Grouped(grouped) => grouped.len(),
        }
    }

    /// The points of a grid over the axis, each with a value for each variable. Without a step they are a tenth of the
    /// range apart. `None` if there are more than `most`.
    pub fn grid(&self, most: usize) -> Option<Vec<Vec<f64>>> {
        match self {
            Self::Values { values, .. } => {
                (values.len() <= most).then(|| values.iter().map(|value| vec![*value]).collect())
            }
            Self::Range { min, max, step, .. } => {
                let steps = step.map_or(STEPS as f64, |step| ((max - min) / step + 1e-9).floor());
                if steps + 1.0 > most as f64 {
                    return None;
                }
                let width = step.unwrap_or((max - min) / STEPS as f64);
                #[expect(clippy::cast_sign_loss, reason = "a count")]
                let count = steps as u64;
                let mut points: Vec<f64> = (0..=count).map(|at| rounded(min + at as f64 * width).min(*max)).collect();
                // The upper end is a point too, even if the steps do not meet it.
                if points.last().is_some_and(|last| max - last > 1e-9) {
                    points.push(rounded(*max));
                }
                Some(points.into_iter().map(|value| vec![value]).collect())
            }
            Self::Simplex { of, step } => {
                let parts = step.map_or(STEPS, parts);
                (count_simplex(of.len() as u64, parts)? <= most as u64).then(|| lattice(of.len(), parts))
            }
            // All groups have one value: a grid over each of them would have no end.
            Self::Grouped(grouped) => {
                let (name, min, max) = (grouped.name.clone(), grouped.min, grouped.max);
                let points = Self::Range { name, min, max, step: None }.grid(most)?;
                Some(points.iter().map(|point| point.repeat(grouped.len())).collect())
            }
        }
    }

    /// The point at unit coordinates, one for each dimension.
    pub fn place(&self, unit: &[f64]) -> Vec<f64> {
        let first = unit.first().copied().unwrap_or_default().clamp(0.0, 1.0);
        match self {
            Self::Values { values, .. } => {
                #[expect(clippy::cast_sign_loss, reason = "between 0 and the number of values")]
                let index = (first * values.len() as f64) as usize;
                values.get(index.min(values.len().saturating_sub(1))).map(|value| vec![*value]).unwrap_or_default()
            }
            Self::Range { min, max, step, .. } => {
                let value = min + first * (max - min);
                let value = step.map_or(value, |step| (min + ((value - min) / step).round() * step).min(*max));
                vec![rounded(value)]
            }
            Self::Simplex { of, step } => {
                // Sorted cuts of a line: their gaps are spread evenly over the simplex.
                let mut cuts: Vec<f64> =
                    unit.iter().take(of.len().saturating_sub(1)).map(|x| x.clamp(0.0, 1.0)).collect();
                if let Some(step) = step {
                    let parts = parts(*step) as f64;
                    for cut in &mut cuts {
                        *cut = (*cut * parts).round() / parts;
                    }
                }
                cuts.sort_by(f64::total_cmp);
                gaps(&cuts)
            }
            Self::Grouped(grouped) => unit.iter().map(|unit| grouped.place(*unit)).collect(),
        }
    }

    /// The unit coordinates of a point, which [`Axis::place`] turns back into it.
    pub fn unit(&self, values: &[f64]) -> Vec<f64> {
        let first = values.first().copied().unwrap_or_default();
        match self {
            Self::Values { values: all, .. } => {
                let index = all.iter().position(|value| value.total_cmp(&first).is_eq()).unwrap_or_default();
                vec![(index as f64 + 0.5) / all.len() as f64]
            }
            Self::Range { min, max, .. } => vec![((first - min) / (max - min)).clamp(0.0, 1.0)],
            Self::Simplex { of, .. } => values
                .iter()
                .take(of.len().saturating_sub(1))
                .scan(0.0, |sum, value| {
                    *sum += value;
                    Some(*sum)
                })
                .collect(),
            Self::Grouped(grouped) => values.iter().map(|value| grouped.unit(*value)).collect(),
        }
    }
}
