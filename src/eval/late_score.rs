//! Scores a late-interaction model on data sets. Vectors of documents are many: they are searched part by part and not kept.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::max_sim::{MaxSim, SelectedTexts};
use super::parts::{DocumentsByText, Effort, PartwiseEncoding, Report};
use super::task::{ScoreError, SetScores, Task, id_ranks, rankings};
use super::texts::Side;
use super::{DataSet, evaluate};
use crate::encoder::{MultiVectorEncoder, MultiVectors, Retriever, Vectors};

/// The search of one data set.
struct Search {
    best: MaxSim,
    ranks: Vec<u32>,
    documents: DocumentsByText,
    time: Duration,
}

impl Search {
    fn new(
        task: &Task<'_>,
        set: &DataSet,
        [queries, documents]: &[Side; 2],
        (vectors, places): (&MultiVectors, &[u32]),
        mean: bool,
    ) -> Self {
        let begun = Instant::now();
        let place = |text: &u32| places.get(*text as usize).copied();
        let picked: Vec<u32> = queries.rows.iter().filter_map(place).collect();
        let queries = SelectedTexts { vectors, picked: &picked };
        Self {
            best: MaxSim::new(queries, task.searched_depth(), mean),
            ranks: id_ranks(set),
            documents: DocumentsByText::new(documents),
            time: begun.elapsed(),
        }
    }

    /// Searches the documents of the data set that are among the texts `range`.
    fn take_in(&mut self, task: &Task<'_>, vectors: &MultiVectors, range: &Range<usize>) {
        let begun = Instant::now();
        let (picked, numbers) = self.documents.within(range);
        let texts = SelectedTexts { vectors, picked: &picked };
        self.best.take_in(texts, &numbers, &self.ranks, task.rules.order.ties);
        self.time += begun.elapsed();
    }

    fn finish(self, task: &Task<'_>, set: &DataSet, encoded: Effort) -> SetScores {
        let begun = Instant::now();
        let run = rankings(set, self.best.finish());
        let scores = evaluate(&set.qrels, &run, task.metrics, &task.rules);
        let time = self.time + encoded.time + begun.elapsed();
        SetScores { scores, run, time, encoding: encoded.time, tokens: encoded.tokens }
    }
}

/// Scores `encoder`, which `retriever` has, on every data set of the task: encodes all queries, then the documents part by part.
/// Memory is the vectors of queries, of a part of the documents, and the best documents of each query.
pub(super) fn score_late(
    retriever: &Retriever,
    encoder: &MultiVectorEncoder,
    task: &Task<'_>,
    progress: Report<'_>,
) -> Result<Vec<SetScores>, ScoreError> {
    let encoding = PartwiseEncoding { retriever, task, width: encoder.dimension() };
    let queries = encoding.queries(progress)?;
    // One model encodes to vectors of one kind.
    let Vectors::Late(own) = &queries.vectors else { return Ok(Vec::new()) };
    let sets = task.sets.iter().zip(task.texts.sets());
    let mut searches: Vec<Search> =
        sets.map(|(set, sides)| Search::new(task, set, sides, (own, &queries.places), encoder.is_mean())).collect();
    let documents = encoding.documents(progress, &mut |vectors, range| {
        let Vectors::Late(vectors) = vectors else { return };
        for search in &mut searches {
            search.take_in(task, vectors, range);
        }
    })?;
    let efforts = queries.effort.into_iter().zip(documents).map(|(queries, documents)| queries + documents);
    let sets = searches.into_iter().zip(task.sets).zip(efforts);
    Ok(sets.map(|((search, set), effort)| search.finish(task, set, effort)).collect())
}
