//! A sweep in a few lines.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use crate::kernel::SimdLevel;
use crate::merge::{self, Access, TILE};
use crate::plan::Plan;
use crate::progress::{Cancel, Progress};
use crate::recipe::Recipe;
use crate::report::card_scores;
use crate::sweep::file::Keep;
use crate::sweep::{
    self, Analysis, Bound, Depth, Ended, Evaluator, Event, Layout, Lease, Options, Row, Scorer, Spec, Study,
    TrialStage, pick, work,
};
use crate::write::{self, CardScores, Extras, Request};

/// A search for the best values of a recipe's variables, as a sweep file describes it.
///
/// Results are kept in the study's folder. The same sweep goes on where it stopped, and any number of workers share it.
///
/// ```no_run
/// # fn main() -> Result<(), admix::Error> {
/// let report = admix::Sweep::file("sweep.yaml").run()?;
/// let best = report.best("cross", &["mono >= -1%"])?;
/// admix::Merge::of(report.recipe(best)?).write("merged")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sweep {
    file: PathBuf,
    store: Option<PathBuf>,
    max_time: Option<Duration>,
    max_trials: Option<usize>,
    cancel: Cancel,
    watch: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Sweep {
    /// The sweep that a file describes.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: path.into(), store: None, max_time: None, max_trials: None, cancel: Cancel::new(), watch: None }
    }

    /// The study's folder, in place of the sweep file's `store`.
    #[must_use]
    pub fn store(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store = Some(folder.into());
        self
    }

    /// Begins no trial after this time, in place of the sweep file's `budget`.
    #[must_use]
    pub fn max_time(mut self, time: Duration) -> Self {
        self.max_time = Some(time);
        self
    }

    /// Begins no trial after so many.
    #[must_use]
    pub fn max_trials(mut self, trials: usize) -> Self {
        self.max_trials = Some(trials);
        self
    }

    /// Lets the token end the sweep; results that are there stay.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Is told how many trials are done, of those that are planned so far.
    #[must_use]
    pub fn progress(mut self, watch: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// Merges and scores every trial, and writes the merges that the sweep file keeps.
    ///
    /// # Errors
    /// A sweep file, model or data set that is refused; a study of something else in the folder; an evaluation that no trial
    /// would survive.
    pub fn run(&self) -> Result<SweepReport, Error> {
        self.run_with(|study| Scorer::new(study, SimdLevel::best()))
    }

    /// As [`Sweep::run`], with an evaluator of one's own.
    ///
    /// # Errors
    /// As [`Sweep::run`].
    pub fn run_with<E: Evaluator>(
        &self,
        evaluator: impl FnOnce(&Study) -> Result<E, sweep::Error>,
    ) -> Result<SweepReport, Error> {
        let mut parsed = Spec::read(&self.file)?;
        if let Some(store) = &self.store {
            parsed.store.clone_from(store);
        }
        let study = Study::create(&parsed)?.writable()?;
        let options = Options {
            wall: self.max_time.or(parsed.spec.budget.wall),
            max_trials: self.max_trials,
            lease: Lease::default(),
            poll: Duration::from_secs(1),
            cancel: &self.cancel,
            finish: &Cancel::new(),
            search: true,
        };
        let mut evaluator = evaluator(&study)?;
        let ended = work(&study, &mut evaluator, options, &mut |event| self.on(event))?;
        if ended == Ended::Finished {
            keep(&study, parsed.spec.keep, SimdLevel::best(), &self.cancel)?;
        }
        let analysis = Analysis::read(&study, TrialStage::Full, Depth::Tests)?;
        Ok(SweepReport { study, ended, analysis, warnings: parsed.warnings })
    }

    fn on(&self, event: &Event<'_>) {
        if let (Some(watch), Event::Begun { settled, planned, .. }) = (&self.watch, event) {
            watch(Progress { done: *settled as u64, total: *planned as u64 });
        }
    }
}

/// What a sweep found.
#[derive(Clone, Debug)]
pub struct SweepReport {
    /// The study.
    pub study: Study,
    /// Why it stopped.
    pub ended: Ended,
    /// The trials with their objectives, which of them are on the Pareto front, and how sure differences are.
    pub analysis: Analysis,
    /// What the sweep file says and probably does not mean.
    pub warnings: Vec<String>,
}

impl SweepReport {
    /// The best point on an objective among those that keep bounds such as `mono >= -1%`.
    ///
    /// # Errors
    /// A bound that cannot be read, an objective that there is not, no point that keeps the bounds.
    pub fn best(&self, objective: &str, bounds: &[&str]) -> Result<&Row, Error> {
        let usage = |message| sweep::Error::Usage { message, hint: None };
        let bounds: Vec<Bound> = bounds.iter().map(|bound| bound.parse()).collect::<Result<_, _>>().map_err(usage)?;
        Ok(pick(&self.study, &self.analysis, objective, &bounds)?)
    }

    /// The recipe of a trial.
    ///
    /// # Errors
    /// A trial that is a model alone, and no merge.
    pub fn recipe(&self, row: &Row) -> Result<Recipe, Error> {
        let message = || format!("`{}` is a model alone", row.trial.label);
        let recipe = self.study.manifest.recipe(&row.trial.subject)?;
        Ok(recipe.ok_or_else(|| sweep::Error::Usage { message: message(), hint: None })?)
    }
}

/// Writes the merges that the sweep file keeps, and gives their folders.
pub(crate) fn keep(
    study: &Study,
    which: Keep,
    level: SimdLevel,
    cancel: &Cancel,
) -> Result<Vec<PathBuf>, sweep::Error> {
    if which == Keep::None {
        return Ok(Vec::new());
    }
    let analysis = Analysis::read(study, TrialStage::Full, Depth::Means)?;
    let confirmed = Analysis::read(study, TrialStage::Confirm, Depth::Means)?;
    let mut written = Vec::new();
    for row in analysis.rows.iter().filter(|row| which == Keep::All || row.on_front) {
        let out = study.store.path(Layout::MERGED).join(row.trial.label.replace([' ', '/'], "-"));
        if let Some(recipe) = study.manifest.recipe(&row.trial.subject)?
            && !out.exists()
        {
            let scores = card_scores(study, &analysis, &confirmed, row, Vec::new())?;
            write_merge(recipe, &out, study, &scores, (level, cancel))?;
            written.push(out);
        }
    }
    Ok(written)
}

/// Merges a recipe of a study into a folder.
pub(crate) fn write_merge(
    recipe: Recipe,
    out: &Path,
    study: &Study,
    scores: &CardScores,
    (level, cancel): (SimdLevel, &Cancel),
) -> Result<(), sweep::Error> {
    let plan = Plan::build(recipe, &study.manifest.plan_options())?;
    let access = Access::Read;
    let options = merge::Options { threads: 0, tile: TILE, level, access, cancel, progress: &|_| {} };
    let extras = Extras { scores: Some(scores), ..Extras::default() };
    write::write_with(Request { plan: &plan, out, force: false, sync: true }, options, extras)?;
    Ok(())
}
