//! Merges, plans, and looks into model folders.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use admix::checkpoint::{Checkpoint, Links};
use admix::kernel::SimdLevel;
use admix::merge::{Access, Options, TILE, memory};
use admix::method::{Base, Count, METHODS, Scope};
use admix::plan::Allow;
use admix::recipe::Recipe;
use admix::{DType, Differences, Error, Grouping, Inspection, Merge, Progress};
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::{Failure, request};
use super::run::{Hand, watched};

/// A recipe: a file, or its text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipeInput {
    file: Option<PathBuf>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    variables: BTreeMap<String, String>,
}

impl RecipeInput {
    pub(crate) fn read(&self) -> Result<Recipe, Failure> {
        Ok(match &self.file {
            Some(file) => Recipe::read(file, &self.variables)?,
            None => Recipe::parse(&self.text, "<recipe>", &self.variables)?,
        })
    }
}

/// What is accepted, by its names in `--allow`.
pub(crate) fn allowed(names: &[String]) -> Result<Allow, Failure> {
    let mut allow = Allow::default();
    for name in names {
        if !allow.accept(name) {
            return Err(Error::Allow(name.clone()).into());
        }
    }
    Ok(allow)
}

pub(crate) fn dtype(name: &str) -> Result<DType, Failure> {
    let plain = name.strip_prefix("torch.").unwrap_or(name);
    DType::from_name(plain).ok_or_else(|| {
        Failure::usage(format!("unknown dtype `{name}`"), "there are float16, bfloat16, float32 and float64")
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergeInput {
    recipe: RecipeInput,
    #[serde(default)]
    out: PathBuf,
    dtype: Option<String>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    allow: Vec<String>,
    shard_size: Option<u64>,
    #[serde(default)]
    threads: usize,
    #[serde(default)]
    force: bool,
}

impl MergeInput {
    fn merge(&self) -> Result<Merge<Recipe>, Failure> {
        let mut merge = Merge::of(self.recipe.read()?).seed(self.seed).threads(self.threads);
        for name in &self.allow {
            merge = merge.allow(name);
        }
        if let Some(name) = &self.dtype {
            merge = merge.dtype(dtype(name)?);
        }
        if let Some(size) = self.shard_size {
            merge = merge.shard_size(size);
        }
        Ok(if self.force { merge.force() } else { merge })
    }

    fn run(&self, hand: &Arc<Hand>) -> Result<Value, Failure> {
        let begun = Instant::now();
        let teller = Arc::clone(hand);
        let merge = self.merge()?.cancel(&hand.cancel).progress(move |progress| teller.set(progress));
        let plan = merge.plan()?;
        let outcome = merge.write_plan(&plan, &self.out)?;
        let models: Vec<String> =
            plan.originals().iter().map(|(plan, model)| plan.models[*model].path().display().to_string()).collect();
        Ok(json!({
            "path": outcome.path,
            "method": plan.recipe.method.name,
            "models": models,
            "tensors": outcome.report.tensors,
            "parameters": plan.tensors.iter().map(|tensor| tensor.elements).sum::<u64>(),
            "dtype": plan.dtype().map(DType::name),
            "bytes_read": plan.bytes_read(),
            "bytes_written": plan.bytes_written(),
            "seconds": begun.elapsed().as_secs_f64(),
            "warnings": plan.warnings.iter().chain(&outcome.report.warnings).collect::<Vec<_>>(),
        }))
    }
}

/// Merges into a folder.
pub(crate) fn merge(py: Python<'_>, text: &str, watch: Option<Bound<'_, PyAny>>) -> PyResult<String> {
    let input: MergeInput = request(text)?;
    watched(py, watch.as_ref(), |hand| Ok(input.run(hand)?.to_string()))
}

/// Says what a merge would do.
pub(crate) fn plan(py: Python<'_>, text: &str) -> PyResult<String> {
    let input: MergeInput = request(text)?;
    watched(py, None, |_| {
        let plan = input.merge()?.plan()?;
        let mut value = json!(plan.summary());
        value["memory"] = json!(memory(&plan, 0, TILE));
        Ok(value.to_string())
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InspectInput {
    folder: PathBuf,
    other: Option<PathBuf>,
    by: String,
    #[serde(default)]
    allow: Vec<String>,
}

impl InspectInput {
    fn run(&self, hand: &Arc<Hand>) -> Result<Value, Failure> {
        let by = Grouping::from_name(&self.by).ok_or_else(|| {
            Failure::usage(format!("tensors are not grouped by `{}`", self.by), "there are name, layer and tensor")
        })?;
        let links: Links = allowed(&self.allow)?.links();
        let left = Checkpoint::open_with(&self.folder, links)?;
        let Some(other) = &self.other else { return Ok(Inspection::of(&left, by).to_json()) };
        let right = Checkpoint::open_with(other, links)?;
        let total = left.weight_bytes() + right.weight_bytes();
        let done = std::sync::atomic::AtomicU64::new(0);
        let options = Options {
            threads: 0,
            tile: TILE,
            level: SimdLevel::best(),
            access: Access::default(),
            cancel: &hand.cancel,
            progress: &|bytes| {
                let done = done.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed) + bytes;
                hand.set(Progress { done: done.min(total), total });
            },
            solver: None,
        };
        Ok(Differences::of(&left, &right, by, options)?.to_json())
    }
}

/// Looks into a model folder, or compares two.
pub(crate) fn inspect(py: Python<'_>, text: &str, watch: Option<Bound<'_, PyAny>>) -> PyResult<String> {
    let input: InspectInput = request(text)?;
    watched(py, watch.as_ref(), |hand| Ok(input.run(hand)?.to_string()))
}

/// All merge methods.
pub(crate) fn methods() -> String {
    let method = |method: &&admix::method::MergeMethod| {
        json!({
            "name": method.name,
            "summary": method.summary,
            "equation": method.equation,
            "origin": method.origin,
            "when": method.when,
            "needs_base": method.base == Base::Required,
            "is_pair": method.base == Base::Required && method.models == Count::Exactly(1),
            "is_weighted": method.parameter("weight").is_some_and(|weight| weight.scope == Scope::PerModel),
            "parameters": method.parameters.iter().map(|parameter| parameter.name).collect::<Vec<_>>(),
        })
    };
    Value::from(METHODS.iter().map(method).collect::<Vec<_>>()).to_string()
}
