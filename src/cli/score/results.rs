//! Scores of every model on every data set, and the comparison with the baseline.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::encoder::Retrieval;
use crate::eval::data::{Located, Task};
use crate::eval::{DataSet, Metric, Paired, Scores, SetScores, holm, paired};

/// The scores of one call of `admix score`.
pub(super) struct Results {
    pub(super) metrics: Vec<Metric>,
    pub(super) sets: Vec<DataSet>,
    /// Where each data set comes from.
    pub(super) origins: Vec<Origin>,
    pub(super) models: Vec<Scored>,
    /// The index of the baseline in `models`.
    pub(super) baseline: Option<usize>,
}

/// Where a data set comes from.
pub(super) struct Origin {
    /// The split, where it has splits.
    pub(super) split: Option<String>,
    /// The subset of its folder; empty for the whole.
    pub(super) subset: String,
    /// The documents that its queries come with to be ranked.
    pub(super) top_ranked: BTreeMap<String, Vec<String>>,
    /// Where it is on the Hub, if it was meant by name.
    pub(super) located: Option<Located>,
}

impl Origin {
    /// The task of MTEB that it is.
    pub(super) fn task(&self) -> Option<&'static Task> {
        self.located.as_ref()?.named.task
    }
}

/// The scores of one model.
pub(super) struct Scored {
    pub(super) model: PathBuf,
    /// The kinds of retrieval of this ranking, where the model has several.
    pub(super) retrieval: Option<Retrieval>,
    /// Whether this is the first stage, whose documents the other models re-rank.
    pub(super) first_stage: bool,
    /// One entry for each data set.
    pub(super) sets: Vec<SetScores>,
}

impl Scored {
    /// The model, and the kinds of retrieval where it has several.
    pub(super) fn name(&self) -> String {
        let model = self.model.display();
        self.retrieval.map_or_else(|| model.to_string(), |retrieval| format!("{model} ({retrieval})"))
    }
}

impl Results {
    /// The ranking of the baseline that a ranking is compared with: of the same kinds of retrieval, if it has such a one.
    pub(super) fn baseline_of(&self, model: usize) -> Option<usize> {
        let first = self.baseline?;
        let (own, name) = (&self.models[model], &self.models[first].model);
        let alike = |scored: &Scored| scored.model == *name && scored.retrieval == own.retrieval;
        Some(self.models.iter().position(alike).unwrap_or(first))
    }

    /// How each model compares with the baseline on a data set and metric, with the p-value corrected over the models.
    pub(super) fn comparisons(&self, set: usize, metric: usize) -> Vec<Option<(Paired, f64)>> {
        if self.baseline.is_none() {
            return vec![None; self.models.len()];
        }
        let scores = |model: usize| -> &Scores { &self.models[model].sets[set].scores };
        let compare = |model: usize| {
            let baseline = self.baseline_of(model)?;
            let (candidate, base) = scores(model).paired(scores(baseline), metric);
            if model == baseline { None } else { paired(&base, &candidate) }
        };
        let found: Vec<Option<Paired>> = (0..self.models.len()).map(compare).collect();
        let mut corrected = holm(&found.iter().flatten().map(|paired| paired.p).collect::<Vec<_>>()).into_iter();
        found.into_iter().map(|found| found.and_then(|paired| Some((paired, corrected.next()?)))).collect()
    }
}
