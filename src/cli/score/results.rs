//! Scores of every model on every data set, and the comparison with the baseline.

use std::collections::BTreeMap;
use std::path::PathBuf;

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
    /// Whether this is the first stage, whose documents the other models re-rank.
    pub(super) first_stage: bool,
    /// One entry for each data set.
    pub(super) sets: Vec<SetScores>,
}

impl Results {
    /// How each model compares with the baseline on a data set and metric, with the p-value corrected over the models.
    pub(super) fn comparisons(&self, set: usize, metric: usize) -> Vec<Option<(Paired, f64)>> {
        let Some(baseline) = self.baseline else { return vec![None; self.models.len()] };
        let scores = |model: usize| -> &Scores { &self.models[model].sets[set].scores };
        let compare = |model: usize| {
            let (candidate, base) = scores(model).paired(scores(baseline), metric);
            if model == baseline { None } else { paired(&base, &candidate) }
        };
        let found: Vec<Option<Paired>> = (0..self.models.len()).map(compare).collect();
        let mut corrected = holm(&found.iter().flatten().map(|paired| paired.p).collect::<Vec<_>>()).into_iter();
        found.into_iter().map(|found| found.and_then(|paired| Some((paired, corrected.next()?)))).collect()
    }
}
