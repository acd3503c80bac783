//! Warnings about the settings of a study's models, which are shown before the work.

use std::path::Path;

use super::ranker::of_encoder;
use crate::checkpoint::Checkpoint;
use crate::encoder::{Encoder, Mode, Options, Pooling};
use crate::plan::Plan;
use crate::sweep::Error;
use crate::sweep::file::Baseline;
use crate::sweep::study::{Manifest, Subject};

/// Like [`Encoder::warnings`], for the merge in the middle of the space and for every parent.
///
/// # Errors
/// Checkpoints that cannot be read or do not fit together.
pub fn warnings(study: &Manifest) -> Result<Vec<String>, Error> {
    let scoring = &study.spec.scoring;
    let device = scoring.device.parse().map_err(|error| of_encoder(&error))?;
    // The head of a reranker says what is pooled.
    let pooling = scoring.rerank.as_ref().map(|_| Pooling::of(Mode::Cls));
    let options = Options { device, max_length: scoring.max_length, pooling, ..Options::default() };
    let mut found: Vec<String> = Vec::new();
    let mut add = |checkpoint: &Checkpoint| {
        for warning in Encoder::warnings_of(checkpoint, &options) {
            if !found.contains(&warning) {
                found.push(warning);
            }
        }
    };
    let middle = study.spec.params.place(&vec![0.5; study.spec.params.dimensions()]);
    if let Some(recipe) = study.recipe(&Subject::Point(middle))? {
        let plan = Plan::build(recipe, &study.plan_options())?;
        add(&plan.outline(Path::to_path_buf(plan.models[plan.donor].path())));
    }
    let is_scored = study.spec.baselines.contains(&Baseline::Parents);
    for model in study.models.iter().filter(|model| is_scored && model.adapter.is_none()) {
        add(&Checkpoint::open_with(&model.path, study.spec.links())?);
    }
    Ok(found)
}
