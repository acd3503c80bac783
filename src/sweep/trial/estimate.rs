//! Estimates the cost of a trial from a merge and a few texts.

use std::ops::ControlFlow;
use std::time::Instant;

use super::evaluator::{EvaluationError, Evaluator as _, Queries};
use super::ranker::{Ranker, candidates, of_encoder as evaluation};
use super::scorer::Scorer;
use crate::encoder::{CrossEncoder, Retriever, Role, Tokens};
use crate::eval::{Prompts, RerankTask, Texts};
use crate::sweep::Error;
use crate::sweep::study::Subject;

/// Number of texts whose tokens are counted. The others are assumed to have as many for their length.
const COUNTED: usize = 1024;

/// Number of texts that are encoded first, and in a second measurement if the first took too little time.
const ENCODED: [usize; 2] = [32, 256];

/// The encoding time in seconds that is a sufficient measurement.
const ENOUGH: f64 = 0.4;

/// The cost of a trial over all documents.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Estimate {
    /// The size of the merged weights in bytes.
    pub merged_bytes: u64,
    /// Distinct texts that are encoded, or pairs of texts where models are rerankers.
    pub texts: usize,
    /// Their tokens, counted on some of them.
    pub tokens: u64,
    /// Floating-point operations of encoding: two for each token and each parameter outside of embeddings.
    pub operations: f64,
    /// Seconds of merging, as measured.
    pub merge: f64,
    /// Seconds of encoding, from the measured tokens per second.
    pub encode: f64,
    /// Texts that were encoded to measure.
    pub measured: usize,
}

impl Estimate {
    /// Seconds of a trial.
    pub fn seconds(&self) -> f64 {
        self.merge + self.encode
    }
}

impl Scorer {
    /// Merges the middle of the space, encodes a few texts, and estimates the cost of a trial.
    ///
    /// # Errors
    /// A point that cannot be merged, or texts that cannot be encoded.
    pub fn estimate(&mut self) -> Result<Estimate, Error> {
        let space = &self.study.spec.params;
        let trial = self.study.trial(Subject::Point(space.place(&vec![0.5; space.dimensions()])))?;
        let prepared = self.prepare(&trial).map_err(|trouble| match trouble {
            EvaluationError::Cancelled => Error::Cancelled,
            EvaluationError::Trial(message) => Error::Evaluation { message, hint: None },
            EvaluationError::Fatal(error) => error,
        })?;
        let (Some(ready), Some(ranker), Some(corpus)) =
            (&self.ready, &self.ranker, self.corpora.get(&(Queries::Select.name(), None, None)))
        else {
            return Err(Error::Evaluation { message: "no model is ready".into(), hint: None });
        };
        let scoring = &self.study.spec.scoring;
        let (texts, tokens, (rate, measured)) = match (ranker, &scoring.rerank) {
            (Ranker::Reranker(reranker), Some(rerank)) => {
                let candidates = candidates(rerank, &corpus.sets, &corpus.found, scoring.compat)?;
                let rules = scoring.compat.rules();
                let task = RerankTask { sets: &corpus.sets, candidates: &candidates, metrics: &[], rules };
                (task.pairs(), tokens_of_pairs(&task, reranker)?, rate_of_pairs(&task, reranker)?)
            }
            (Ranker::Retriever(retriever), _) => {
                let texts = Texts::new(&corpus.sets, &ready.prompts);
                let tokens = tokens(&texts, &ready.prompts, retriever)?;
                (texts.len(), tokens, rate(&texts, &ready.prompts, retriever)?)
            }
            (Ranker::Reranker(_), None) => (0, 0, (1.0, 0)),
        };
        let (merged_bytes, parameters) = self.memory.size();
        Ok(Estimate {
            merged_bytes,
            texts,
            tokens,
            operations: 2.0 * parameters as f64 * tokens as f64,
            merge: prepared.seconds,
            encode: tokens as f64 / rate,
            measured,
        })
    }
}

fn tokenised(texts: [Vec<&str>; 2], prompts: &Prompts, retriever: &Retriever) -> Result<[Tokens; 2], Error> {
    let [queries, documents] = texts;
    let of = |role, texts: &[&str], prompt: &str| {
        retriever.tokenize(role, texts, Some(prompt)).map_err(|error| evaluation(&error))
    };
    Ok([of(Role::Query, &queries, &prompts.query)?, of(Role::Document, &documents, &prompts.document)?])
}

/// The tokens of all texts.
fn tokens(texts: &Texts<'_>, prompts: &Prompts, retriever: &Retriever) -> Result<u64, Error> {
    let some = texts.spread(COUNTED);
    let bytes: usize = some.iter().flatten().map(|text| text.len()).sum();
    let counted: usize = tokenised(some, prompts, retriever)?.iter().map(Tokens::total).sum();
    let share = texts.bytes() as f64 / bytes.max(1) as f64;
    #[expect(clippy::cast_sign_loss, reason = "a count")]
    Ok((counted as f64 * share).round() as u64)
}

/// Tokens per second, and the number of texts that were measured.
fn rate(texts: &Texts<'_>, prompts: &Prompts, retriever: &Retriever) -> Result<(f64, usize), Error> {
    let mut found = (1.0, 0);
    for count in ENCODED {
        let some = tokenised(texts.spread(count), prompts, retriever)?;
        let begun = Instant::now();
        for tokens in some.iter().filter(|tokens| !tokens.is_empty()) {
            retriever.encode(tokens, &mut |_, _| ControlFlow::Continue(())).map_err(|error| evaluation(&error))?;
        }
        let seconds = begun.elapsed().as_secs_f64().max(1e-6);
        let total: usize = some.iter().map(Tokens::total).sum();
        found = (total.max(1) as f64 / seconds, some.iter().map(Tokens::len).sum());
        if seconds > ENOUGH {
            break;
        }
    }
    Ok(found)
}

/// The tokens of all pairs.
fn tokens_of_pairs(task: &RerankTask<'_>, reranker: &CrossEncoder) -> Result<u64, Error> {
    let some = task.spread(COUNTED);
    let bytes: usize = some.iter().map(|(query, document)| query.len() + document.len()).sum();
    let counted = reranker.tokenize(&some).map_err(|error| evaluation(&error))?.total();
    let share = task.bytes() as f64 / bytes.max(1) as f64;
    #[expect(clippy::cast_sign_loss, reason = "a count")]
    Ok((counted as f64 * share).round() as u64)
}

/// Tokens per second, and the number of pairs that were measured.
fn rate_of_pairs(task: &RerankTask<'_>, reranker: &CrossEncoder) -> Result<(f64, usize), Error> {
    let mut found = (1.0, 0);
    for count in ENCODED {
        let some = task.spread(count);
        let tokens = reranker.tokenize(&some).map_err(|error| evaluation(&error))?;
        let begun = Instant::now();
        reranker.logits(&tokens, &mut |_, _| ControlFlow::Continue(())).map_err(|error| evaluation(&error))?;
        let seconds = begun.elapsed().as_secs_f64().max(1e-6);
        found = (tokens.total().max(1) as f64 / seconds, some.len());
        if seconds > ENOUGH {
            break;
        }
    }
    Ok(found)
}
