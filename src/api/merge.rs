//! The builder of merges.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Error;
use super::watch::{Watch, watch_methods};
use crate::kernel::{DType, SimdLevel};
use crate::merge::{self, Access, Report, Sink, TILE};
use crate::plan::{self, Plan};
use crate::progress::{Cancel, Progress};
use crate::recipe::{self, Recipe, RecipeBuilder};
use crate::write::{self, Outcome, Request};

/// A source of recipes for [`Merge`].
pub trait RecipeSource {
    /// The checked recipe.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    fn recipe(&self) -> Result<Recipe, recipe::Error>;
}

impl RecipeSource for RecipeBuilder {
    fn recipe(&self) -> Result<Recipe, recipe::Error> {
        self.build()
    }
}

impl RecipeSource for Recipe {
    fn recipe(&self) -> Result<Recipe, recipe::Error> {
        Ok(self.clone())
    }
}

/// A recipe file and the values of its variables.
#[derive(Clone, Debug)]
pub struct RecipeFile {
    path: PathBuf,
    variables: BTreeMap<String, String>,
}

impl RecipeSource for RecipeFile {
    fn recipe(&self) -> Result<Recipe, recipe::Error> {
        Recipe::read(&self.path, &self.variables)
    }
}

/// A merge of models into a folder, or into a [`Sink`].
///
/// Nothing is read before [`Merge::plan`], [`Merge::write`] or [`Merge::send`].
///
/// ```
/// # fn main() -> Result<(), admix::Error> {
/// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/retrievers");
/// # let (base, ko, en) = (format!("{folder}/base"), format!("{folder}/mono-ko"), format!("{folder}/mono-en"));
/// # let target = std::env::temp_dir().join(format!("admix-doc-merge-{}", std::process::id()));
/// # let out = target.join("merged");
/// let merged = admix::Merge::ties(base, [(ko, 0.6), (en, 0.4)]).density(0.2).force().write(&out)?;
/// assert_eq!(merged.path, out);
/// # let _ = std::fs::remove_dir_all(target);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Merge<R = RecipeBuilder> {
    recipe: R,
    options: plan::Options,
    allowed: Vec<String>,
    threads: usize,
    force: bool,
    sync: bool,
    watch: Watch,
}

/// The largest weight file, which is the program's default.
const SHARD: u64 = 5_000_000_000;

impl Merge<RecipeBuilder> {
    /// A merge by the method of this name, to which models are still to be added.
    pub fn new(method: impl Into<String>) -> Self {
        Self::of(RecipeBuilder::new(method))
    }

    /// The weighted average of models, with weights divided by their sum.
    pub fn linear<P: AsRef<Path>>(models: impl IntoIterator<Item = (P, f64)>) -> Self {
        Self::new("linear").weighted(models)
    }

    /// Spherical interpolation between two models, from the first (`t` = 0) to the second (`t` = 1).
    pub fn slerp(from: impl AsRef<Path>, to: impl AsRef<Path>, t: f64) -> Self {
        Self::of(RecipeBuilder::new("slerp").base(from).model(to, NONE)).parameter("t", t)
    }

    /// A base plus the weighted differences of models from it.
    pub fn task_arithmetic<P: AsRef<Path>>(base: impl AsRef<Path>, models: impl IntoIterator<Item = (P, f64)>) -> Self {
        Self::new("task_arithmetic").base(base).weighted(models)
    }

    /// Like [`Merge::task_arithmetic`], with only the largest differences and those of the sign with the most weight. Needs
    /// a [`density`](Merge::density).
    pub fn ties<P: AsRef<Path>>(base: impl AsRef<Path>, models: impl IntoIterator<Item = (P, f64)>) -> Self {
        Self::new("ties").base(base).weighted(models)
    }

    /// Like [`Merge::ties`], with differences that are drawn at random. Needs a [`density`](Merge::density).
    pub fn dare_ties<P: AsRef<Path>>(base: impl AsRef<Path>, models: impl IntoIterator<Item = (P, f64)>) -> Self {
        Self::new("dare_ties").base(base).weighted(models)
    }

    /// Sets the base model, from which differences are computed.
    #[must_use]
    pub fn base(mut self, model: impl AsRef<Path>) -> Self {
        self.recipe = self.recipe.base(model);
        self
    }

    /// Adds models, each with a weight.
    #[must_use]
    pub fn weighted<P: AsRef<Path>>(mut self, models: impl IntoIterator<Item = (P, f64)>) -> Self {
        for (model, weight) in models {
            self.recipe = self.recipe.weighted(model, weight);
        }
        self
    }

    /// Adds a model without parameters of its own.
    #[must_use]
    pub fn model(mut self, model: impl AsRef<Path>) -> Self {
        self.recipe = self.recipe.model(model, NONE);
        self
    }

    /// Sets a parameter of the method for all models and tensors.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.recipe = self.recipe.parameter(name, value);
        self
    }

    /// Sets the share of each difference that is kept, from 0 to 1.
    #[must_use]
    pub fn density(self, density: f64) -> Self {
        self.parameter("density", density)
    }

    /// Sets another key of the recipe, such as `tokenizer_source`.
    #[must_use]
    pub fn setting(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.recipe = self.recipe.setting(key, value);
        self
    }
}

/// No parameters.
const NONE: [(&str, f64); 0] = [];

impl Merge<RecipeFile> {
    /// The merge of a recipe file.
    pub fn recipe(path: impl Into<PathBuf>) -> Self {
        Self::of(RecipeFile { path: path.into(), variables: BTreeMap::new() })
    }

    /// Sets the variable `${name}` of the recipe.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "numbers and texts are given as they are")]
    pub fn set(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.recipe.variables.insert(name.into(), value.to_string());
        self
    }
}

impl<R: RecipeSource> Merge<R> {
    /// The merge of a [`RecipeBuilder`] or a [`Recipe`].
    pub fn of(recipe: R) -> Self {
        let options = plan::Options { shard_size: Some(SHARD), ..plan::Options::default() };
        let (allowed, watch) = (Vec::new(), Watch::default());
        Self { recipe, options, allowed, threads: 0, force: false, sync: true, watch }
    }

    /// Sets the dtype of the output, in place of the recipe's.
    #[must_use]
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.options.dtype = Some(dtype);
        self
    }

    /// Sets the seed of methods that draw at random, which is 0 by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.seed = seed;
        self
    }

    /// Accepts a disagreement or fault of the models, by its name in `--allow`.
    #[must_use]
    pub fn allow(mut self, name: impl Into<String>) -> Self {
        self.allowed.push(name.into());
        self
    }

    /// Sets the largest size of a weight file in bytes, 5 GB by default. Larger models are split.
    #[must_use]
    pub fn shard_size(mut self, bytes: u64) -> Self {
        self.options.shard_size = Some(bytes).filter(|bytes| *bytes > 0);
        self
    }

    /// Sets the number of threads, by default one per core. The result does not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Replaces the output folder, if it is an earlier merge, once the new one is complete.
    #[must_use]
    pub fn force(mut self) -> Self {
        self.force = true;
        self
    }

    /// Does not wait until the output is on disk.
    #[must_use]
    pub fn no_sync(mut self) -> Self {
        self.sync = false;
        self
    }

    watch_methods! {
        cancel: "Lets the token end the merge, which then leaves nothing of the output behind.",
        progress: "Calls `watch`, from several threads, with the bytes that are read.",
    }

    /// Plans the merge: every output tensor with its inputs and its position. Reads only headers and small files.
    ///
    /// # Errors
    /// Everything that is wrong with the recipe, or with its models.
    pub fn plan(&self) -> Result<Plan, Error> {
        let mut options = self.options.clone();
        for name in &self.allowed {
            if !options.allow.accept(name) {
                return Err(Error::Allow(name.clone()));
            }
        }
        Ok(Plan::build(self.recipe.recipe()?, &options)?)
    }

    /// Merges into a folder, which appears when it is complete.
    ///
    /// # Errors
    /// As [`Merge::plan`]; an output folder that exists already or cannot be written; weights that cannot be merged.
    pub fn write(&self, out: impl AsRef<Path>) -> Result<Outcome, Error> {
        let plan = self.plan()?;
        let mut outcome = self.write_plan(&plan, out)?;
        outcome.report.warnings.splice(0..0, plan.warnings);
        Ok(outcome)
    }

    /// Runs a plan of this merge into a folder, as [`Merge::write`] does. The plan's warnings are not repeated.
    ///
    /// # Errors
    /// As [`Merge::write`].
    pub fn write_plan(&self, plan: &Plan, out: impl AsRef<Path>) -> Result<Outcome, Error> {
        let request = Request { plan, out: out.as_ref(), force: self.force, sync: self.sync };
        self.run(plan, |options| write::write(request, options))
    }

    /// Runs a plan of this merge into your own sink. Nothing is written to disk.
    ///
    /// # Errors
    /// Weights that cannot be merged; errors of the sink.
    pub fn send(&self, plan: &Plan, sink: &dyn Sink) -> Result<Report, Error> {
        self.run(plan, |options| merge::run(plan, sink, options))
    }

    fn run<T, E: Into<Error>>(
        &self,
        plan: &Plan,
        run: impl FnOnce(merge::Options<'_>) -> Result<T, E>,
    ) -> Result<T, Error> {
        #[cfg(feature = "eval")]
        let solver = crate::regmean::Solver::open(plan)?;
        let meter = self.watch.meter(merge::work_bytes(plan));
        run(merge::Options {
            threads: self.threads,
            tile: TILE,
            level: SimdLevel::best(),
            access: Access::default(),
            cancel: &self.watch.cancel,
            progress: &|bytes| meter.add(bytes),
            #[cfg(feature = "eval")]
            solver: solver.as_ref().map(|solver| solver as &dyn merge::LayerSolver),
            #[cfg(not(feature = "eval"))]
            solver: None,
        })
        .map_err(Into::into)
    }
}
