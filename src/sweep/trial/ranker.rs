//! What a trial's weights become: a retriever, or a reranker of what a first stage found.

use std::ops::ControlFlow;

use crate::checkpoint::{Checkpoint, Links};
use crate::diagnose::Diagnose as _;
use crate::encoder::{CrossEncoder, Error as EncoderError, Options, Retriever, TensorSource};
use crate::eval::{
    self, Candidates, Compat, DataSet, Prompts, Run, Similarity, Task, Texts, is_ranking, ranking_of, read_ranking,
};
use crate::sweep::Error;
use crate::sweep::file::{Rerank, Scoring};

/// A model that ranks documents.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a worker has one of them")]
pub(super) enum Ranker {
    Retriever(Retriever),
    Reranker(CrossEncoder),
}

impl Ranker {
    /// Loads a model of a study whose models are rerankers or not. Tensors come from `source`, everything else from
    /// `checkpoint`.
    pub(super) fn open(
        checkpoint: &Checkpoint,
        source: &dyn TensorSource,
        options: &Options,
        reranks: bool,
    ) -> Result<Self, EncoderError> {
        if reranks {
            return CrossEncoder::from_tensors(checkpoint, source, options).map(Self::Reranker);
        }
        Retriever::from_tensors(checkpoint, source, options).map(Self::Retriever)
    }

    pub(super) fn replace(&mut self, checkpoint: &Checkpoint, source: &dyn TensorSource) -> Result<(), EncoderError> {
        match self {
            Self::Retriever(retriever) => retriever.replace(checkpoint, source),
            Self::Reranker(reranker) => reranker.replace(checkpoint, source),
        }
    }

    pub(super) fn release(&mut self) {
        match self {
            Self::Retriever(retriever) => retriever.release(),
            Self::Reranker(reranker) => reranker.release(),
        }
    }

    pub(super) fn max_length(&self) -> usize {
        match self {
            Self::Retriever(retriever) => retriever.max_length(),
            Self::Reranker(reranker) => reranker.max_length(),
        }
    }
}

/// What the first stage of a study finds in some data sets.
pub(super) fn first_stage(
    scoring: &Scoring,
    rerank: &Rerank,
    options: &Options,
    links: Links,
    sets: &[DataSet],
) -> Result<Vec<Run>, Error> {
    let path = &rerank.first_stage;
    if is_ranking(path) {
        return sets.iter().map(|set| read_ranking(path, set).map_err(|error| ranking(&error))).collect();
    }
    let checkpoint = Checkpoint::open_with(path, links)?;
    // The length that the sweep file asks for is that of the rerankers' pairs.
    let options = Options { max_length: None, retrieval: None, ..options.clone() };
    let retriever = Retriever::open(&checkpoint, &options).map_err(|error| of_encoder(&error))?;
    let settings = checkpoint.settings();
    let similarity = Similarity::of_model(settings).ok_or_else(|| Error::Evaluation {
        message: format!("`{}` compares by {}, which is unknown", path.display(), settings.similarity),
        hint: None,
    })?;
    let prompts = Prompts::of(settings, scoring.query_prompt.as_deref(), scoring.document_prompt.as_deref());
    let (prompts, similarity) = (prompts.used_by(&retriever), similarity.used_by(&retriever, settings));
    let texts = Texts::new(sets, &prompts);
    let (rules, depth) = (scoring.compat.rules(), rerank.top_k);
    let task = Task { sets, texts: &texts, tokens: None, metrics: &[], rules, similarity, depth };
    let found = eval::score(&retriever, &task, &mut |_| ControlFlow::Continue(()));
    let found = found.map_err(|error| Error::Evaluation { message: error.to_string(), hint: error.hint() })?;
    Ok(found.into_iter().map(|found| found.run).collect())
}

/// The documents that are re-ranked for the queries of data sets.
pub(super) fn candidates(
    rerank: &Rerank,
    sets: &[DataSet],
    found: &[Run],
    compat: Compat,
) -> Result<Vec<Candidates>, Error> {
    let of_set = |(set, run): (&DataSet, &Run)| {
        let path = ranking_of(&rerank.first_stage, set);
        Candidates::of_ranking(&path, set, run, rerank.top_k, compat).map_err(|error| ranking(&error))
    };
    sets.iter().zip(found).map(of_set).collect()
}

fn ranking(error: &eval::Error) -> Error {
    Error::Evaluation { message: error.to_string(), hint: error.hint() }
}

/// An error that every trial would have.
pub(super) fn of_encoder(error: &EncoderError) -> Error {
    Error::Evaluation { message: error.to_string(), hint: error.hint() }
}
