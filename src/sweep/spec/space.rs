//! The values that a recipe's variables may have.

use serde::{Deserialize, Serialize};

/// What one variable, or a group of variables that sum to 1, may be.
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
        /// The distance between values, if not any value may be taken.
        step: Option<f64>,
    },
    /// Variables of at least 0 that sum to 1.
    Simplex {
        /// The variables.
        of: Vec<String>,
        /// The distance between values, a whole part of 1, if not any value may be taken.
        step: Option<f64>,
    },
}

/// Steps of a continuous axis where a grid is asked for.
const STEPS: u64 = 10;

impl Axis {
    /// The variables, in order.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Values { name, .. } | Self::Range { name, .. } => vec![name],
            Self::Simplex { of, .. } => of.iter().map(String::as_str).collect(),
        }
    }

    /// How many numbers between 0 and 1 a point on the axis is made of.
    pub fn dimensions(&self) -> usize {
        match self {
            Self::Values { .. } | Self::Range { .. } => 1,
            Self::Simplex { of, .. } => of.len().saturating_sub(1),
        }
    }

    /// The points of a grid over the axis, each with a value a variable; a tenth of the range apart where the axis has no
    /// step of its own. `None` when there are more than `most`.
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
                // The far end is a point too, where the steps do not meet it.
                if points.last().is_some_and(|last| max - last > 1e-9) {
                    points.push(rounded(*max));
                }
                Some(points.into_iter().map(|value| vec![value]).collect())
            }
            Self::Simplex { of, step } => {
                let parts = step.map_or(STEPS, parts);
                (count_simplex(of.len() as u64, parts)? <= most as u64).then(|| lattice(of.len(), parts))
            }
        }
    }

    /// The point that numbers between 0 and 1 stand for, one a dimension.
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
        }
    }

    /// The numbers between 0 and 1 that stand for a point: what [`Axis::place`] turns back into it.
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
        }
    }
}

/// Whether a step cuts 1 into whole parts, a thousand at the most.
pub(crate) fn is_part_of_one(step: f64) -> bool {
    (0.001..=1.0).contains(&step) && (parts(step) as f64 * step - 1.0).abs() <= 1e-9
}

/// The parts that a step cuts 1 into.
pub(super) fn parts(step: f64) -> u64 {
    #[expect(clippy::cast_sign_loss, reason = "steps are positive")]
    let parts = (1.0 / step).round() as u64;
    parts.max(1)
}

/// A value with six digits behind the point, which is what tells points apart.
pub fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6 + 0.0
}

fn gaps(cuts: &[f64]) -> Vec<f64> {
    let mut last = 0.0;
    let mut values: Vec<f64> = cuts
        .iter()
        .map(|cut| {
            let gap = rounded(cut - last);
            last = *cut;
            gap
        })
        .collect();
    let rest = 1.0 - values.iter().sum::<f64>();
    values.push(rounded(rest));
    values
}

/// `n` variables in steps of one in `parts`: (parts + n − 1) over (n − 1).
fn count_simplex(n: u64, parts: u64) -> Option<u64> {
    (1..n).try_fold(1_u64, |count, k| count.checked_mul(parts.checked_add(k)?).map(|product| product / k))
}

/// Every way to share `parts` parts among `n` variables, the first variable's share falling.
fn lattice(n: usize, parts: u64) -> Vec<Vec<f64>> {
    fn share(left: u64, n: usize, so_far: &mut Vec<u64>, found: &mut Vec<Vec<u64>>) {
        if n == 1 {
            so_far.push(left);
            found.push(so_far.clone());
            so_far.pop();
            return;
        }
        for part in (0..=left).rev() {
            so_far.push(part);
            share(left - part, n - 1, so_far, found);
            so_far.pop();
        }
    }
    let mut found = Vec::new();
    share(parts, n.max(1), &mut Vec::new(), &mut found);
    let value = |part: &u64| rounded(*part as f64 / parts as f64);
    found.iter().map(|shares| shares.iter().map(value).collect()).collect()
}

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

    /// How many numbers between 0 and 1 a point is made of.
    pub fn dimensions(&self) -> usize {
        self.axes.iter().map(Axis::dimensions).sum()
    }

    /// The points of a grid, the last axis varying fastest; `None` when there are more than `most`.
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

    /// The point that numbers between 0 and 1 stand for, one a dimension.
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

    /// The numbers between 0 and 1 that stand for a point.
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
