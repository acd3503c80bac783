//! Opens a recipe's merge as an encoder, in memory, and scores it.

use std::path::Path;

use super::error::Error;
use super::request::Request;
use super::weights::Merged;
use crate::checkpoint::Checkpoint;
use crate::encoder::{Encoder, Error as EncoderError, Retriever};
use crate::eval::{self, Compat, DataSet, Measure, Metric, Prompts, Scores, Similarity, Task, Texts};
use crate::merge::Statistics;
use crate::plan::Plan;
use crate::progress::Cancel;
use crate::recipe::Recipe;

/// A merge that is ready to encode.
pub(super) struct Opened {
    pub(super) plan: Plan,
    /// What opening the merge's folder would give, without its weights.
    pub(super) outline: Checkpoint,
    /// One that has dense vectors.
    pub(super) retriever: Retriever,
    pub(super) prompts: Prompts,
    pub(super) similarity: Similarity,
}

/// The metric of comparisons.
const METRIC: Metric = Metric::new(Measure::Ndcg, 10);

/// Merges a recipe in memory.
pub(super) fn open(recipe: Recipe, request: &Request, cancel: &Cancel) -> Result<Opened, Error> {
    let plan = Plan::build(recipe, &request.plan)?;
    let outline = outline(&plan)?;
    let merged = Merged::new(&plan, None, &mut Statistics::default(), (request.level, cancel))?;
    let retriever = Retriever::Dense(Encoder::from_tensors(&outline, &merged, &request.encoder)?);
    let settings = outline.settings();
    let [query, document] = &request.prompts;
    let prompts = Prompts::of(settings, query.as_deref(), document.as_deref());
    let name = settings.similarity.as_written();
    let similarity = Similarity::from_name(name).ok_or_else(|| Error::Similarity(name.to_owned()))?;
    Ok(Opened { plan, outline, retriever, prompts, similarity })
}

/// What opening the folder of the merge would give.
fn outline(plan: &Plan) -> Result<Checkpoint, Error> {
    let donor = plan.models.get(plan.donor).map_or(Path::new(""), Checkpoint::path);
    let outline = plan.outline(donor.to_path_buf());
    Ok(match &plan.alignment {
        Some(alignment) => outline.with_tokenizer(alignment.vocabulary.in_memory()?),
        None => outline,
    })
}

impl Opened {
    pub(super) fn encoder(&self) -> Result<&Encoder, Error> {
        self.retriever.as_dense().ok_or(Error::NotDense)
    }

    /// Scores the merge on each data set.
    pub(super) fn score(&self, sets: &[DataSet], cancel: &Cancel) -> Result<Vec<Scores>, Error> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        let texts = Texts::new(sets, &self.prompts);
        let task = Task {
            sets,
            texts: &texts,
            tokens: None,
            metrics: &[METRIC],
            rules: Compat::default().rules(),
            similarity: self.similarity,
            depth: eval::ranking_depth(&[METRIC]),
        };
        let scored = eval::score(&self.retriever, &task, &mut |_| cancel.flow());
        let scored = scored.map_err(|error| match *error.source {
            EncoderError::Cancelled => Error::Cancelled,
            _ => Error::Score(error),
        })?;
        Ok(scored.into_iter().map(|set| set.scores).collect())
    }
}
