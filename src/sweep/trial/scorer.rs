//! The evaluator of real studies.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::corpus::Corpus;
use super::evaluator::{EvaluationError, Evaluator, Prepared, Queries, QueryScores, Request};
use super::fingerprints;
use super::memory::Memory;
use super::ranker::{Ranker, candidates, first_stage, of_encoder};
use super::retrieval;
use crate::checkpoint::Checkpoint;
use crate::encoder::{self, Retriever};
use crate::eval::{self, EncodingProgress, Prompts, RerankTask, ScoreError, Similarity, Task, Texts, score_hybrid};
use crate::kernel::{DType, SimdLevel};
use crate::merge::{self, Access, TILE};
use crate::plan::{Alignment, Plan};
use crate::progress::Cancel;
use crate::retrieval::Retrieval;
use crate::sweep::Error;
use crate::sweep::hash::short;
use crate::sweep::study::{Manifest, Study, Subject, TopDocuments, Trial, load};

/// Merges in memory and scores on the study's data sets.
#[derive(Debug)]
pub struct Scorer {
    pub(super) study: Manifest,
    options: encoder::Options,
    level: SimdLevel,
    pub(super) memory: Memory,
    /// The checkpoints of the merge in memory in the order of its plan, the fingerprint of its alignment, and the index of
    /// the checkpoint whose settings it has.
    merged_of: (Vec<PathBuf>, Option<u64>, usize),
    pub(super) ranker: Option<Ranker>,
    /// Whether the ranker has merged weights.
    is_merged: bool,
    pub(super) ready: Option<Ready>,
    pub(super) corpora: BTreeMap<CorpusKey, Corpus>,
    tokenizers: BTreeMap<(PathBuf, usize, Option<u64>), String>,
}

/// Which queries, over how many documents, and on which data sets; all of these without.
pub(super) type CorpusKey = (&'static str, Option<usize>, Option<Vec<usize>>);

/// The settings of the model that is ready.
#[derive(Debug)]
pub(super) struct Ready {
    tokenizer: String,
    pub(super) prompts: Prompts,
    similarity: Similarity,
    /// By which kinds of retrieval each data set of the study is searched, where the sweep file says it.
    retrieval: Option<Vec<Retrieval>>,
}

impl Scorer {
    /// Checks that the study's recipe can be merged and its data sets read, and creates the evaluator.
    ///
    /// # Errors
    /// Checkpoints that do not fit together, a missing device, data sets that cannot be read.
    pub fn new(study: &Study, level: SimdLevel) -> Result<Self, Error> {
        let manifest = study.manifest.clone();
        let scoring = &manifest.spec.scoring;
        let refused = |error: encoder::Error| of_encoder(&error);
        let options = encoder::Options {
            device: scoring.device.parse().map_err(refused)?,
            dtype: scoring.dtype.as_deref().and_then(DType::from_name),
            max_length: scoring.max_length,
            retrieval: retrieval::of_study(&manifest),
            ..encoder::Options::default()
        };
        let middle = manifest.spec.params.place(&vec![0.5; manifest.spec.params.dimensions()]);
        if let Some(recipe) = manifest.recipe(&Subject::Point(middle))? {
            Plan::build(recipe, &manifest.plan_options())?;
        }
        let mut scorer = Self {
            study: manifest,
            options,
            level,
            memory: Memory::default(),
            merged_of: (Vec::new(), None, 0),
            ranker: None,
            is_merged: false,
            ready: None,
            corpora: BTreeMap::new(),
            tokenizers: BTreeMap::new(),
        };
        scorer.corpus(Queries::Select, None, &[])?;
        Ok(scorer)
    }

    /// Makes those data sets ready that a trial of an earlier revision of the study lacks.
    fn part(&mut self, queries: Queries, race: Option<usize>, sets: &[usize]) -> CorpusKey {
        let whole = (queries.name(), race, None);
        let Some(corpus) = self.corpora.get(&whole).filter(|corpus| corpus.sets.len() > sets.len()) else {
            return whole;
        };
        let key = (queries.name(), race, Some(sets.to_vec()));
        if !self.corpora.contains_key(&key) {
            let part = corpus.part(sets);
            self.corpora.insert(key.clone(), part);
        }
        key
    }

    /// Makes data sets ready, unless they are.
    fn corpus(&mut self, queries: Queries, race: Option<usize>, tops: &[Vec<TopDocuments>]) -> Result<(), Error> {
        let key = (queries.name(), race, None);
        if self.corpora.contains_key(&key) {
            return Ok(());
        }
        let corpus = match race {
            None => {
                let spec = &self.study.spec;
                let selection = match queries {
                    Queries::Select => spec.select.clone(),
                    Queries::Report => spec.report.clone().unwrap_or_default(),
                };
                let sets: Vec<_> = load(&spec.data, &selection)?.into_iter().map(|loaded| loaded.set).collect();
                let found = match &spec.scoring.rerank {
                    Some(rerank) => first_stage(&spec.scoring, rerank, &self.options, spec.links(), &sets)?,
                    None => Vec::new(),
                };
                Corpus::new(sets, found)
            }
            Some(step) => {
                self.corpus(queries, None, tops)?;
                let (seed, whole) = (self.study.spec.search.seed, self.corpora.get(&(queries.name(), None, None)));
                whole.map(|whole| whole.sampled(step, seed, tops)).unwrap_or_default()
            }
        };
        self.corpora.insert(key, corpus);
        Ok(())
    }

    fn prepare_parent(&mut self, index: usize, subject: &Subject) -> Result<String, EvaluationError> {
        let path = self.study.models.get(index).map(|model| model.path.clone()).unwrap_or_default();
        let checkpoint = Checkpoint::open_with(&path, self.study.spec.links()).map_err(Error::from)?;
        // The old weights are freed first, so that two models are never in memory.
        self.ranker = None;
        let ranker = Ranker::open(&checkpoint, &checkpoint, &self.options, self.reranks())
            .map_err(|error| EvaluationError::Fatal(of_encoder(&error)))?;
        let values = fingerprints::checkpoint(&checkpoint);
        self.is_merged = false;
        self.begin(&checkpoint, ranker, (values, None), subject)
    }

    fn prepare_merge(&mut self, subject: &Subject) -> Result<String, EvaluationError> {
        let recipe = self.study.recipe(subject)?.ok_or_else(|| EvaluationError::Trial("there is no recipe".into()))?;
        let options = self.study.plan_options();
        let mut plan = Plan::build(recipe, &options).map_err(|error| EvaluationError::Trial(error.to_string()))?;
        let vocabulary = plan.alignment.as_ref().map(Alignment::fingerprint);
        let of = (plan.folders().into_iter().map(Path::to_path_buf).collect(), vocabulary, plan.settings);
        if of != self.merged_of {
            (self.memory, self.merged_of) = (Memory::default(), of);
            self.ranker = None;
        }
        // Like opening the folder of the merge.
        let merge = plan.outline(plan.models[plan.donor].path().to_path_buf());
        let never = Cancel::new();
        let merging = merge::Options {
            threads: 0,
            tile: TILE,
            level: self.level,
            access: Access::Read,
            cancel: &never,
            progress: &|_| {},
            solver: None,
        };
        // The old weights are freed first, so that two models are never in memory.
        if let Some(ranker) = &mut self.ranker {
            ranker.release();
        }
        self.memory.merge(&mut plan, merging).map_err(|error| EvaluationError::Trial(error.to_string()))?;
        // An existing model keeps its tokenizer.
        let is_kept = self.is_merged && self.ranker.is_some();
        let merge = match plan.alignment.as_ref().filter(|_| !is_kept) {
            Some(alignment) => merge.with_tokenizer(alignment.vocabulary.in_memory().map_err(Error::from)?),
            None => merge,
        };
        let reranks = self.reranks();
        let loaded = match self.ranker.take().filter(|_| self.is_merged) {
            Some(mut ranker) => ranker.replace(&merge, &self.memory).map(|()| ranker),
            None => Ranker::open(&merge, &self.memory, &self.options, reranks),
        };
        let ranker = loaded.map_err(|error| EvaluationError::Fatal(of_encoder(&error)))?;
        self.is_merged = true;
        self.begin(&merge, ranker, (self.memory.fingerprint(), vocabulary), subject)
    }

    /// Whether the models are rerankers.
    fn reranks(&self) -> bool {
        self.study.spec.scoring.rerank.is_some()
    }

    /// Starts using a model. Returns the hash of everything that its scores depend on.
    fn begin(
        &mut self,
        checkpoint: &Checkpoint,
        ranker: Ranker,
        (values, vocabulary): (u128, Option<u64>),
        subject: &Subject,
    ) -> Result<String, EvaluationError> {
        let settings = checkpoint.settings();
        let scoring = &self.study.spec.scoring;
        let mut prompts = Prompts::of(settings, scoring.query_prompt.as_deref(), scoring.document_prompt.as_deref());
        let mut similarity = Similarity::of_model(settings).ok_or_else(|| {
            let path = checkpoint.path().display();
            let message = format!("`{path}` compares by {}, which is unknown", settings.similarity);
            EvaluationError::Fatal(Error::Evaluation { message, hint: None })
        })?;
        let mut tokenizer = self.tokenizer(checkpoint, ranker.max_length(), vocabulary);
        if let Some(late) = &settings.late_interaction {
            // They say which tokens stand around texts, and which tokens get vectors.
            tokenizer = short(&format!("{tokenizer} {late:?}"));
        }
        let used = fingerprints::settings(checkpoint);
        if let Ranker::Retriever(retriever) = &ranker {
            (prompts, similarity) = (prompts.used_by(retriever), similarity.used_by(retriever, settings));
        }
        let retrieval = retrieval::at(&self.study, subject).map_err(EvaluationError::Trial)?;
        let mut weights = format!("{values:032x} {used} {tokenizer} {prompts:?} {similarity:?}");
        if let Some(retrieval) = &retrieval {
            let names: Vec<String> = retrieval.iter().map(|of_set| format!("{of_set:?}")).collect();
            weights = format!("{weights} {}", names.join(" "));
        }
        let weights = short(&weights);
        self.ranker = Some(ranker);
        self.ready = Some(Ready { tokenizer, prompts, similarity, retrieval });
        Ok(weights)
    }

    fn tokenizer(&mut self, checkpoint: &Checkpoint, max_length: usize, vocabulary: Option<u64>) -> String {
        let key = (Path::to_path_buf(checkpoint.path()), max_length, vocabulary);
        self.tokenizers.entry(key).or_insert_with(|| fingerprints::tokenizer(checkpoint, max_length)).clone()
    }
}

impl Evaluator for Scorer {
    fn prepare(&mut self, trial: &Trial) -> Result<Prepared, EvaluationError> {
        let begun = Instant::now();
        let weights = match &trial.subject {
            Subject::Parent(index) if self.study.models.get(*index).is_some_and(|model| model.adapter.is_none()) => {
                self.prepare_parent(*index, &trial.subject)
            }
            subject => self.prepare_merge(subject),
        }?;
        Ok(Prepared { weights, seconds: begun.elapsed().as_secs_f64() })
    }

    fn score(&mut self, request: &mut Request<'_>) -> Result<Vec<QueryScores>, EvaluationError> {
        self.corpus(request.queries, request.race, request.tops)?;
        let metrics = self.study.metrics();
        let rules = self.study.spec.scoring.compat.rules();
        let key = self.part(request.queries, request.race, request.sets);
        let corpus = self.corpora.get_mut(&key);
        let (Some(ready), Some(ranker), Some(corpus)) = (&self.ready, &self.ranker, corpus) else {
            return Err(EvaluationError::Trial("no model is ready".into()));
        };
        let mut tokenising = Duration::ZERO;
        let scored = match (ranker, &self.study.spec.scoring.rerank) {
            (Ranker::Retriever(retriever), _) => {
                let begun = Instant::now();
                corpus
                    .tokenise(&ready.tokenizer, &ready.prompts, retriever)
                    .map_err(|error| EvaluationError::Fatal(of_encoder(&error)))?;
                tokenising = begun.elapsed();
                let texts = Texts::new(&corpus.sets, &ready.prompts);
                let task = Task {
                    sets: &corpus.sets,
                    texts: &texts,
                    tokens: corpus.tokens(&ready.tokenizer, &ready.prompts),
                    metrics: &metrics,
                    rules,
                    similarity: ready.similarity,
                    depth: eval::ranking_depth(&metrics).max(request.depth),
                };
                let by = ready.retrieval.as_ref().map(|all| retrieval::of_sets(all, request.sets, corpus.sets.len()));
                match (retriever, by) {
                    (Retriever::Hybrid(encoder), Some(by)) => {
                        let found = score_hybrid(retriever, encoder, &task, &by, &mut watched(request, texts.len()));
                        found.map(|found| found.into_iter().flatten().collect())
                    }
                    _ => eval::score(retriever, &task, &mut watched(request, texts.len())),
                }
            }
            (Ranker::Reranker(reranker), Some(rerank)) => {
                let candidates = candidates(rerank, &corpus.sets, &corpus.found, self.study.spec.scoring.compat)?;
                let task = RerankTask { sets: &corpus.sets, candidates: &candidates, metrics: &metrics, rules };
                eval::rerank(reranker, &task, &mut watched(request, task.pairs()))
            }
            (Ranker::Reranker(_), None) => return Err(EvaluationError::Trial("there is no first stage".into())),
        };
        let scored = scored.map_err(failed)?;
        let mut found: Vec<QueryScores> = scored
            .iter()
            .zip(&corpus.sets)
            .map(|(scored, set)| set_scores(scored, set, metrics.len(), request.depth))
            .collect();
        if let Some(first) = found.first_mut() {
            first.tokenise = tokenising.as_secs_f64();
        }
        Ok(found)
    }

    fn queries(&mut self, queries: Queries) -> Result<Vec<Vec<String>>, EvaluationError> {
        self.corpus(queries, None, &[])?;
        let rules = self.study.spec.scoring.compat.rules();
        let corpus = self.corpora.get(&(queries.name(), None, None));
        let ids = |set: &eval::DataSet| {
            let there: BTreeSet<&str> = set.queries.iter().map(|query| query.id.as_str()).collect();
            let counted = eval::counted_queries(&set.qrels, &rules).into_iter();
            counted.filter(|query| there.contains(query.as_str())).collect()
        };
        Ok(corpus.map(|corpus| corpus.sets.iter().map(ids).collect()).unwrap_or_default())
    }

    fn device(&self) -> String {
        self.options.device.to_string()
    }
}

/// Passes progress on, of `all` texts or pairs.
fn watched<'a>(request: &'a mut Request<'_>, all: usize) -> impl FnMut(EncodingProgress) -> ControlFlow<()> + 'a {
    let mut done = 0;
    move |progress| {
        done += progress.texts;
        let asked = (request.progress)(done, all);
        if request.cancel.is_cancelled() { ControlFlow::Break(()) } else { asked }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: ScoreError) -> EvaluationError {
    match *error.source {
        encoder::Error::Cancelled => EvaluationError::Cancelled,
        _ => EvaluationError::Trial(format!("{error}")),
    }
}

fn set_scores(scored: &eval::SetScores, set: &eval::DataSet, metrics: usize, depth: usize) -> QueryScores {
    let queries: Vec<String> = scored.scores.queries.keys().cloned().collect();
    let value =
        |metric: usize| scored.scores.queries.values().map(|values| values.get(metric).copied().flatten()).collect();
    let seconds = |time: Duration| time.as_secs_f64();
    QueryScores {
        metrics: (0..metrics).map(value).collect(),
        queries,
        documents: set.documents.len(),
        tokens: scored.tokens,
        tops: if depth > 0 { top_documents(&scored.run, depth) } else { TopDocuments::new() },
        tokenise: 0.0,
        encode: seconds(scored.encoding),
        search: seconds(scored.time.saturating_sub(scored.encoding)),
        score: 0.0,
    }
}

/// The documents that each query ranks first.
fn top_documents(run: &eval::Run, depth: usize) -> TopDocuments {
    let first = |hits: &[(String, f64)]| hits.iter().take(depth).map(|(document, _)| document.clone()).collect();
    run.scores.iter().map(|(query, hits)| (query.clone(), first(hits))).collect()
}
