//! Finds the documents that a reranker orders.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Error, FirstStage, Score};
use crate::checkpoint::Checkpoint;
use crate::eval::{self, Candidates, DataSet, DocumentId, Metric, QueryId, Run};

/// Documents of each query that a first stage finds.
const TOP_K: usize = 100;

impl Score {
    /// The documents of each data set that are re-ranked.
    pub(super) fn candidates(
        &self,
        first: &FirstStage,
        sets: &[DataSet],
        listed: &[BTreeMap<QueryId, Vec<DocumentId>>],
        metrics: &[Metric],
    ) -> Result<Vec<Candidates>, Error> {
        let depth = self.top_k.unwrap_or(if *first == FirstStage::Listed { usize::MAX } else { TOP_K });
        let runs: Vec<(PathBuf, Run)> = match first {
            FirstStage::Retriever(folder) => {
                let checkpoint = Checkpoint::open_with(folder, self.links())?;
                let (found, _) = self.retrieve(&checkpoint, sets, metrics, depth, &self.of_first_stage())?;
                found.into_iter().map(|found| (folder.clone(), found.run)).collect()
            }
            FirstStage::Runs(paths) if paths.len() != sets.len() => {
                return Err(Error::Runs { given: paths.len(), needed: sets.len() });
            }
            FirstStage::Runs(paths) => {
                paths.iter().map(|path| Ok((path.clone(), Run::read(path)?))).collect::<Result<_, eval::Error>>()?
            }
            FirstStage::Listed => {
                listed.iter().map(|lists| (PathBuf::from("top_ranked"), Run::of_lists(lists))).collect()
            }
        };
        let one = |(set, (path, run)): (&DataSet, (PathBuf, Run))| {
            if !set.queries.iter().any(|query| run.scores.contains_key(&query.id)) {
                return Err(eval::Error::NoQueryOfSet { run: path, set: set.label() });
            }
            Candidates::of_ranking(&path, set, &run, depth, self.rules_of())
        };
        Ok(sets.iter().zip(runs).map(one).collect::<Result<_, _>>()?)
    }
}
