//! The manifest of a study, which is written once.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::groups::with_groups;
use super::models::{Model, files as model_files, models};
use super::sets::{Loaded, load_hashed};
use super::stage::TrialStage;
use crate::checkpoint::Checkpoint;
use crate::eval::{is_ranking, ranking_of};
use crate::nearest::nearest;
use crate::sweep::Error;
use crate::sweep::file::Spec;
use crate::sweep::hash::FileHash;

/// The version of study.json's format.
pub(crate) const SCHEMA: u32 = 2;

/// A sweep file pinned to content-hashed inputs. It never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of this record's format.
    pub schema: u32,
    /// The program's version: another one may score differently.
    pub admix: String,
    /// The sweep file.
    pub spec: Spec,
    /// The checkpoints, the base first.
    pub models: Vec<Model>,
    /// The data sets, one entry for each direction.
    pub sets: Vec<Set>,
    /// For each objective the indices of its data sets.
    pub objectives: Vec<Vec<usize>>,
    /// The files of the data sets.
    pub data: Vec<FileHash>,
    /// The files of the first stage, where the models are rerankers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub first_stage: Vec<FileHash>,
    /// What the records of the revision before name it by, where the sweep file has changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revises: Option<String>,
}

/// A data set in one direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// Its name in tables.
    pub label: String,
    /// Index into the spec's data.
    pub source: usize,
    /// The direction.
    pub direction: Option<String>,
    /// The split that was read.
    pub split: Option<String>,
    /// Queries that the search sees.
    pub queries: usize,
    /// Queries that are held out.
    pub held_out: usize,
    /// Documents.
    pub documents: usize,
    /// The hash of its documents, queries and judgements: where it is equal, the same query has the same scores.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub content: String,
    /// The same of the split that is held out.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub held_out_content: String,
}

impl Set {
    /// The hash of what is scored at a stage.
    pub(crate) fn content_at(&self, stage: TrialStage) -> &str {
        if stage == TrialStage::Confirm { &self.held_out_content } else { &self.content }
    }
}

impl Manifest {
    /// Opens everything that a spec names.
    ///
    /// # Errors
    /// A checkpoint or data set that cannot be read, a direction that does not exist.
    pub fn of(mut spec: Spec) -> Result<Self, Error> {
        let middle = spec.params.place(&vec![0.5; spec.params.dimensions()]);
        let recipe = spec.recipe.at(&spec.params.texts(&middle))?;
        let models = models(&recipe, spec.links())?;
        spec.params = with_groups(&spec)?;
        let select = load_hashed(&spec.data, &spec.select)?;
        let report = spec.report.as_ref().map(|report| load_hashed(&spec.data, report)).transpose()?;
        let held_out = |index: usize| report.as_ref().and_then(|sets| sets.get(index));
        let sets: Vec<Set> = select
            .iter()
            .enumerate()
            .map(|(index, loaded)| Set {
                label: loaded.label.clone(),
                source: loaded.source,
                direction: loaded.set.direction.clone(),
                split: loaded.split.clone(),
                queries: loaded.set.queries.len(),
                held_out: held_out(index).map_or(0, |loaded| loaded.set.queries.len()),
                documents: loaded.set.documents.len(),
                content: loaded.content.clone(),
                held_out_content: held_out(index).map_or_else(String::new, |loaded| loaded.content.clone()),
            })
            .collect();
        let objectives = objectives(&spec, &sets)?;
        check_limits(&spec, &sets)?;
        let data = files(select.iter().chain(report.iter().flatten()))?;
        let first_stage = first_stage(&spec, select.iter().chain(report.iter().flatten()))?;
        let admix = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { schema: SCHEMA, admix, spec, models, sets, objectives, data, first_stage, revises: None })
    }

    /// The metrics of all objectives, each once.
    pub fn metrics(&self) -> Vec<crate::eval::Metric> {
        let mut metrics = Vec::new();
        for objective in &self.spec.objectives {
            if !metrics.contains(&objective.metric) {
                metrics.push(objective.metric);
            }
        }
        metrics
    }
}

fn objectives(spec: &Spec, sets: &[Set]) -> Result<Vec<Vec<usize>>, Error> {
    let indices = |objective: &crate::sweep::file::Objective| {
        let mut found = Vec::new();
        for reference in &objective.mean {
            let of_source = || sets.iter().enumerate().filter(|(_, set)| set.source == reference.data);
            let wanted = |set: &Set| reference.direction.is_none() || set.direction == reference.direction;
            let mut here: Vec<usize> = of_source().filter(|(_, set)| wanted(set)).map(|(index, _)| index).collect();
            if here.is_empty() {
                let directions: Vec<&str> = of_source().filter_map(|(_, set)| set.direction.as_deref()).collect();
                return Err(Error::Direction {
                    objective: objective.name.clone(),
                    direction: reference.direction.clone().unwrap_or_default(),
                    data: spec.data.get(reference.data).map_or_else(String::new, |source| source.name.clone()),
                    found: if directions.is_empty() { "none".into() } else { directions.join(", ") },
                });
            }
            here.retain(|index| !found.contains(index));
            found.extend(here);
        }
        Ok(found)
    };
    spec.objectives.iter().map(indices).collect()
}

/// Checks that every limit names an objective or a direction.
fn check_limits(spec: &Spec, sets: &[Set]) -> Result<(), Error> {
    let objectives = spec.objectives.iter().map(|objective| objective.name.as_str());
    let mut names: Vec<&str> = objectives.chain(sets.iter().map(|set| set.label.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    match spec.limits.iter().find(|limit| !names.contains(&limit.objective.as_str())) {
        Some(limit) => Err(Error::usage(
            format!("`keep` of the sweep file names `{}`, which is no objective and no direction", limit.objective),
            match nearest(&limit.objective, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            },
        )),
        None => Ok(()),
    }
}

/// The hashes of the data sets' files, each once.
fn files<'a>(loaded: impl Iterator<Item = &'a Loaded>) -> Result<Vec<FileHash>, Error> {
    let mut paths: Vec<&Path> = loaded.flat_map(|loaded| loaded.files.iter().map(PathBuf::as_path)).collect();
    paths.sort();
    paths.dedup();
    paths.into_iter().map(hash).collect()
}

/// The hash of a file, which is named by its whole path.
fn hash(path: &Path) -> Result<FileHash, Error> {
    let path = std::path::absolute(path).map_err(Error::io("find", path))?;
    FileHash::of(&path, path.to_string_lossy().into_owned())
}

/// The hashes of the files of what finds the documents that rerankers order: a retriever's, or its rankings.
fn first_stage<'a>(spec: &Spec, loaded: impl Iterator<Item = &'a Loaded>) -> Result<Vec<FileHash>, Error> {
    let Some(rerank) = &spec.scoring.rerank else { return Ok(Vec::new()) };
    let mut paths: Vec<PathBuf> = if is_ranking(&rerank.first_stage) {
        loaded.map(|loaded| ranking_of(&rerank.first_stage, &loaded.set)).collect()
    } else {
        model_files(&Checkpoint::open_with(&rerank.first_stage, spec.links())?)
    };
    paths.sort();
    paths.dedup();
    paths.iter().map(|path| hash(path)).collect()
}
