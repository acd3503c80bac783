//! The builder of sweeps.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Error;
use super::watch::{Watch, watch_methods};
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
/// Results are stored in the study's folder. Running the same sweep again resumes it, and any number of workers can share
/// it.
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
    watch: Watch,
}

impl Sweep {
    /// The sweep of a sweep file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: path.into(), store: None, max_time: None, max_trials: None, watch: Watch::default() }
    }

    /// Sets the study's folder, in place of the sweep file's `store`.
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

    /// Begins at most this many trials.
    #[must_use]
    pub fn max_trials(mut self, trials: usize) -> Self {
        self.max_trials = Some(trials);
        self
    }

    watch_methods! {
        cancel: "Lets the token end the sweep; finished trials stay in the study.",
        progress: "Calls `watch` with the number of finished trials, of those that are planned so far.",
    }

    /// Merges and scores every trial, and writes the merges that the sweep file keeps.
    ///
    /// # Errors
    /// A sweep file, model or data set that is refused; a different study in the folder; an error that would make every
    /// trial fail.
    pub fn run(&self) -> Result<SweepReport, Error> {
        self.run_with(|study| Scorer::new(study, SimdLevel::best()))
    }

    /// Like [`Sweep::run`], with your own evaluator.
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
            cancel: &self.watch.cancel,
            finish: &Cancel::new(),
            search: true,
        };
        let mut evaluator = evaluator(&study)?;
        let ended = work(&study, &mut evaluator, options, &mut |event| self.on(event))?;
        if ended == Ended::Finished {
            write_kept_merges(&study, parsed.spec.keep, SimdLevel::best(), &self.watch.cancel)?;
        }
        let analysis = Analysis::read(&study, TrialStage::Full, Depth::Tests)?;
        Ok(SweepReport { study, ended, analysis, warnings: parsed.warnings })
    }

    fn on(&self, event: &Event<'_>) {
        if let (Some(watch), Event::Begun { settled, planned, .. }) = (&self.watch.progress, event) {
            watch(Progress { done: *settled as u64, total: *planned as u64 });
        }
    }
}

/// The result of a sweep.
#[derive(Clone, Debug)]
pub struct SweepReport {
    /// The study.
    pub study: Study,
    /// Why it stopped.
    pub ended: Ended,
    /// The trials with their objectives, the Pareto front, and the significance of differences.
    pub analysis: Analysis,
    /// Warnings about what the sweep file says and probably does not mean.
    pub warnings: Vec<String>,
}

impl SweepReport {
    /// The best point on an objective among those that satisfy bounds such as `mono >= -1%`.
    ///
    /// # Errors
    /// An invalid bound, an unknown objective, no point that satisfies the bounds.
    pub fn best(&self, objective: &str, bounds: &[&str]) -> Result<&Row, Error> {
        let usage = |message| sweep::Error::Usage { message, hint: None };
        let bounds: Vec<Bound> = bounds.iter().map(|bound| bound.parse()).collect::<Result<_, _>>().map_err(usage)?;
        Ok(pick(&self.study, &self.analysis, objective, &bounds)?)
    }

    /// The recipe of a trial.
    ///
    /// # Errors
    /// A trial of a single model, which is not a merge.
    pub fn recipe(&self, row: &Row) -> Result<Recipe, Error> {
        let message = || format!("`{}` is a model alone", row.trial.label);
        let recipe = self.study.manifest.recipe(&row.trial.subject)?;
        Ok(recipe.ok_or_else(|| sweep::Error::Usage { message: message(), hint: None })?)
    }
}

/// Writes the merges that the sweep file keeps, and returns their folders.
///
/// # Errors
/// Records that cannot be read, a merge that fails.
pub fn write_kept_merges(
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
    for row in analysis.rows.iter().filter(|row| which == Keep::All || row.pareto_optimal) {
        let out = study.store.path(Layout::MERGED).join(row.trial.label.replace([' ', '/'], "-"));
        if let Some(recipe) = study.manifest.recipe(&row.trial.subject)?
            && !out.exists()
        {
            let scores = card_scores(study, &analysis, &confirmed, row, Vec::new())?;
            write_merge(recipe, (&out, false), study, &scores, (level, cancel))?;
            written.push(out);
        }
    }
    Ok(written)
}

/// Merges a recipe of a study into a folder, with its scores on the model card; `force` replaces an earlier merge there.
///
/// # Errors
/// A recipe that does not fit its models, a folder that cannot be written, a merge that fails.
pub fn write_merge(
    recipe: Recipe,
    (out, force): (&Path, bool),
    study: &Study,
    scores: &CardScores,
    (level, cancel): (SimdLevel, &Cancel),
) -> Result<(), sweep::Error> {
    let plan = Plan::build(recipe, &study.manifest.plan_options())?;
    let access = Access::Read;
    let options = merge::Options { threads: 0, tile: TILE, level, access, cancel, progress: &|_| {}, solver: None };
    let extras = Extras { scores: Some(scores), ..Extras::default() };
    write::write_with(Request { plan: &plan, out, force, sync: true }, options, extras)?;
    Ok(())
}
