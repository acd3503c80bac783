//! Points that are known from the start.

use super::history::History;
use crate::sweep::Error;
use crate::sweep::study::{Generation, TrialStage};

pub(super) fn next(history: &History<'_>, points: &[Vec<f64>]) -> Result<Option<Generation>, Error> {
    if !history.generations.is_empty() {
        return Ok(None);
    }
    let trials = history.baselines()?.into_iter().chain(history.trials(points)?).collect();
    Ok(Some(Generation { stage: TrialStage::Full, trials, notes: Vec::new() }))
}
