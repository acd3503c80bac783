//! Ways to choose among the points that keep the limits.

use std::fmt;
use std::str::FromStr;

use super::table::Row;

/// How the recommended point is chosen among those that keep every limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// The largest weighted mean of the objectives' gains.
    #[default]
    Mean,
    /// The knee of the trade-off: the largest weighted sum of the objectives, each scaled to 0..1 over the points. For two
    /// objectives it is the point farthest from the line between the best point on each (Das 1999, "On characterizing the
    /// knee of the Pareto curve").
    Knee,
    /// The largest hypervolume of a single point: the product of what each objective is above its lowest allowed score
    /// (Zitzler and Thiele 1998), to the power of its weight.
    Hypervolume,
}

impl Choice {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mean, Self::Knee, Self::Hypervolume];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Knee => "knee",
            Self::Hypervolume => "hypervolume",
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|choice| choice.name() == text).ok_or_else(|| format!("expected one of {}", known()))
    }
}

/// What a choice makes as large as possible, for the points that it chooses among.
pub(super) struct Scale {
    choice: Choice,
    weights: Vec<f64>,
    /// Of each objective, what is subtracted: the reference's score, the smallest one, or the lowest that is allowed.
    zero: Vec<f64>,
    /// Of each objective, the range over the points.
    range: Vec<f64>,
}

impl Scale {
    /// The scale for `rows`; `least` are the lowest allowed scores of the objectives.
    pub(super) fn new(choice: Choice, weights: &[f64], rows: &[&Row], reference: &Row, least: &[f64]) -> Self {
        let values = |index: usize| rows.iter().filter_map(move |row| row.objectives.get(index).copied());
        let smallest = |index: usize| values(index).fold(f64::INFINITY, f64::min);
        let largest = |index: usize| values(index).fold(f64::NEG_INFINITY, f64::max);
        let zero = match choice {
            Choice::Mean => reference.objectives.clone(),
            Choice::Knee => (0..weights.len()).map(smallest).collect(),
            Choice::Hypervolume => least.to_vec(),
        };
        let range = (0..weights.len()).map(|index| largest(index) - smallest(index)).collect();
        Self { choice, weights: weights.to_vec(), zero, range }
    }

    /// The value of a point, the larger the better.
    pub(super) fn value(&self, row: &Row) -> f64 {
        let total = self.weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let above = row.objectives.iter().zip(&self.zero).map(|(value, zero)| value - zero);
        let terms = above.zip(&self.weights);
        match self.choice {
            Choice::Mean => terms.map(|(gain, weight)| gain * weight).sum::<f64>() / total,
            Choice::Knee => {
                let scaled = terms.zip(&self.range).map(|((gain, weight), range)| match range {
                    range if *range > 0.0 => gain / range * weight,
                    _ => 0.0,
                });
                scaled.sum::<f64>() / total
            }
            // Volumes of many objectives are tiny: their geometric mean has the same order.
            Choice::Hypervolume => {
                let logarithms = terms.map(|(gain, weight)| libm::log(gain.max(f64::MIN_POSITIVE)) * weight);
                libm::exp(logarithms.sum::<f64>() / total)
            }
        }
    }
}
