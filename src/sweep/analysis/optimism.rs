//! What the search's queries promised of a point, and what held-out ones gave.

use super::statistics::Strata;
use super::table::Row;
use crate::sweep::Error;
use crate::sweep::study::{Study, TrialStage};

/// Standard errors from the middle of a 95 % interval to its ends.
const HALF_WIDTH: f64 = 1.96;

/// The gain of a point over the reference on the queries that chose it, and on others: the best of many points owes a part of what
/// it seems to gain to chance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimism {
    /// The mean gain on the search's queries.
    pub promised: f64,
    /// The mean gain on held-out queries.
    pub given: f64,
    /// The 95 % interval of given less promised; `None` where a data set has one query.
    pub interval: Option<(f64, f64)>,
}

impl Optimism {
    /// What held-out queries gave more than was promised; less than nothing where the search flattered the point.
    pub fn difference(&self) -> f64 {
        self.given - self.promised
    }

    /// The optimism of a point, whose gains over the reference are known on both kinds of queries.
    pub(super) fn of(study: &Study, sides: [Side<'_>; 2], weights: &[f64]) -> Result<Self, Error> {
        let [search, held_out] = sides;
        let errors = [search.error(study, weights)?, held_out.error(study, weights)?];
        let difference = held_out.gain - search.gain;
        // The two kinds of queries have nothing to do with each other.
        let interval = errors[0].zip(errors[1]).map(|(one, other)| {
            let half = HALF_WIDTH * (one * one + other * other).sqrt();
            (difference - half, difference + half)
        });
        Ok(Self { promised: search.gain, given: held_out.gain, interval })
    }
}

/// A point and the reference on one kind of queries.
pub(super) struct Side<'a> {
    pub(super) row: &'a Row,
    pub(super) reference: &'a Row,
    pub(super) stage: TrialStage,
    pub(super) gain: f64,
}

impl Side<'_> {
    /// The standard error of the mean gain.
    fn error(&self, study: &Study, weights: &[f64]) -> Result<Option<f64>, Error> {
        let of = |row: &Row| study.manifest.all_strata(&study.store, &row.trial.key(self.stage));
        Ok(mean_error(&of(self.row)?, &of(self.reference)?, weights))
    }
}

/// The standard error of the weighted mean of the objectives' differences.
pub(super) fn mean_error(one: &[Strata], other: &[Strata], weights: &[f64]) -> Option<f64> {
    let errors: Option<Vec<f64>> = one.iter().zip(other).map(|(one, other)| one.error(other)).collect();
    let total: f64 = weights.iter().sum();
    let parts = errors?.into_iter().zip(weights).map(|(error, weight)| error * weight / total);
    Some(parts.map(|part| part * part).sum::<f64>().sqrt())
}
