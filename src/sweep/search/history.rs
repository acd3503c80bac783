//! The information that a search method has.

use crate::sweep::Error;
use crate::sweep::file::{Baseline, Spec};
use crate::sweep::study::Results;
use crate::sweep::study::{Generation, Study, Subject, Trial, TrialStage};

/// A study, its generations so far and their results.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The study.
    pub study: &'a Study,
    /// The generations of the search so far.
    pub generations: &'a [Generation],
    /// The results, those of these generations among them.
    pub results: &'a Results,
}

impl History<'_> {
    pub(super) fn spec(&self) -> &Spec {
        &self.study.manifest.spec
    }

    /// The baselines, parents first if they are listed first.
    pub(super) fn baselines(&self) -> Result<Vec<Trial>, Error> {
        baselines(self.study)
    }

    /// The trials of points, each once.
    pub(super) fn trials(&self, points: &[Vec<f64>]) -> Result<Vec<Trial>, Error> {
        points_to_trials(self.study, points)
    }

    /// The objectives of a trial at a stage; `None` for one without result.
    pub(super) fn objectives(&self, trial: &Trial, stage: TrialStage) -> Option<Vec<f64>> {
        self.study.manifest.objectives_of(self.results.done.get(&trial.key(stage))?)
    }
}

/// The baselines of a study.
pub(crate) fn baselines(study: &Study) -> Result<Vec<Trial>, Error> {
    let manifest = &study.manifest;
    let mut subjects = Vec::new();
    for baseline in &manifest.spec.baselines {
        match baseline {
            Baseline::Parents => subjects.extend((0..manifest.models.len()).map(Subject::Parent)),
            Baseline::Uniform => subjects.push(Subject::Uniform),
        }
    }
    subjects.into_iter().map(|subject| manifest.trial(subject)).collect()
}

/// The trials of points, each once.
pub(crate) fn points_to_trials(study: &Study, points: &[Vec<f64>]) -> Result<Vec<Trial>, Error> {
    let mut trials: Vec<Trial> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for point in points {
        let trial = study.manifest.trial(Subject::Point(point.clone()))?;
        if seen.insert(trial.id.clone()) {
            trials.push(trial);
        }
    }
    Ok(trials)
}
