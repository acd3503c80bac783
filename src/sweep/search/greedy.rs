//! A greedy soup: starts with the best model and adds the next best to a plain average as long as the average does not lose
//! by it.

use super::history::History;
use crate::sweep::Error;
use crate::sweep::space::rounded;
use crate::sweep::study::{Generation, Trial, TrialStage};

pub(super) fn next(history: &History<'_>) -> Result<Option<Generation>, Error> {
    let stage = TrialStage::Full;
    let models = history.spec().params.names().len();
    let alone: Vec<Vec<f64>> = (0..models).map(|model| average(models, &[model])).collect();
    if history.generations.is_empty() {
        let trials = history.baselines()?.into_iter().chain(history.trials(&alone)?).collect();
        return Ok(Some(Generation { stage, trials, notes: Vec::new() }));
    }
    // The models from the best down; those without scores are left out.
    let mut order = Vec::new();
    for (model, point) in alone.iter().enumerate() {
        let trial = history.trials(std::slice::from_ref(point))?;
        order.extend(trial.first().and_then(|trial| score(history, trial)).map(|score| (model, score)));
    }
    order.sort_by(|(one, a), (other, b)| b.total_cmp(a).then_with(|| one.cmp(other)));
    let Some((first, mut best)) = order.first().copied() else { return Ok(None) };
    let mut soup = vec![first];
    let names = history.spec().params.names();
    for (step, (model, _)) in order.iter().skip(1).enumerate() {
        let with: Vec<usize> = soup.iter().copied().chain([*model]).collect();
        let trials = history.trials(&[average(models, &with)])?;
        let Some(trial) = trials.first() else { return Ok(None) };
        if history.generations.len() == step + 1 {
            let name = |model: &usize| names.get(*model).copied().unwrap_or_default();
            let soup: Vec<&str> = soup.iter().map(name).collect();
            let note = format!("the soup is {}; {} is tried", soup.join(" + "), name(model));
            return Ok(Some(Generation { stage, trials: trials.clone(), notes: vec![note] }));
        }
        if let Some(score) = score(history, trial)
            && score >= best
        {
            (soup, best) = (with, score);
        }
    }
    Ok(None)
}

/// The mean of a trial's objectives.
fn score(history: &History<'_>, trial: &Trial) -> Option<f64> {
    let objectives = history.objectives(trial, TrialStage::Full)?;
    Some(objectives.iter().sum::<f64>() / objectives.len() as f64)
}

/// Equal weights for some models.
fn average(models: usize, members: &[usize]) -> Vec<f64> {
    let share = rounded(1.0 / members.len() as f64);
    (0..models).map(|model| if members.contains(&model) { share } else { 0.0 }).collect()
}
