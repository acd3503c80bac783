//! Sweeps and the studies that they leave.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use admix::kernel::SimdLevel;
use admix::report::{TableOptions, card_scores, figure_files, page, query_texts, recommendation, terminal};
use admix::sweep::{
    self as sweeps, Analysis, Change, Choice, Depth, Ended, Event, Lease, NoRecommendation, Preference, Row, Scorer,
    Spec, Status, Study, TrialStage, Watch, work,
};
use admix::{Cancel, Progress};
use pyo3::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::{Failure, request};
use super::run::{Hand, watched};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SweepInput {
    file: Option<PathBuf>,
    #[serde(default)]
    text: String,
    store: Option<PathBuf>,
    max_seconds: Option<f64>,
    max_trials: Option<usize>,
}

impl SweepInput {
    fn run(&self, hand: &Arc<Hand>) -> Result<Value, Failure> {
        let mut parsed = match &self.file {
            Some(file) => Spec::read(file)?,
            None => Spec::parse(&self.text, "<sweep>", None)?,
        };
        if let Some(store) = &self.store {
            parsed.store.clone_from(store);
        }
        let preview = Study::preview(&parsed)?;
        let change = change(&preview.change);
        let study = preview.write()?.writable()?;
        let mut warnings = parsed.warnings.clone();
        warnings.extend(sweeps::warnings(&study.manifest)?);
        hand.say(&json!({"event": "study", "store": study.store.root()}));
        let wall = self.max_seconds.map(seconds).transpose()?.or(parsed.spec.budget.wall);
        let ended = drain(&study, hand, &Limits { wall, trials: self.max_trials, search: true })?;
        let mut kept = Vec::new();
        if ended == Ended::Finished {
            kept = admix::write_kept_merges(&study, parsed.spec.keep, SimdLevel::best(), &hand.cancel)?;
        }
        Ok(json!({
            "store": study.store.root(),
            "ended": ended_name(ended),
            "change": change,
            "kept": kept,
            "warnings": warnings,
        }))
    }
}

fn seconds(seconds: f64) -> Result<Duration, Failure> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| Failure::usage(format!("`max_time` is {seconds} seconds, which is no time"), ""))
}

fn change(change: &Change) -> Vec<String> {
    match change {
        Change::Revised(lines) | Change::Rebuilt(lines) => lines.clone(),
        Change::New | Change::Unchanged => Vec::new(),
    }
}

fn ended_name(ended: Ended) -> &'static str {
    match ended {
        Ended::Finished => "finished",
        Ended::Wall => "time",
        Ended::MaxTrials => "trials",
        Ended::Asked => "asked",
    }
}

/// When a worker stops.
struct Limits {
    wall: Option<Duration>,
    trials: Option<usize>,
    /// Whether trials of the search are done, and not only those to confirm.
    search: bool,
}

/// Works on a study until nothing is left or a limit is met.
fn drain(study: &Study, hand: &Hand, limits: &Limits) -> Result<Ended, Failure> {
    let mut scorer = Scorer::new(study, SimdLevel::best())?;
    let options = sweeps::Options {
        wall: limits.wall,
        max_trials: limits.trials,
        lease: Lease::default(),
        poll: Duration::from_millis(200),
        cancel: &hand.cancel,
        finish: &Cancel::new(),
        search: limits.search,
    };
    Ok(work(study, &mut scorer, options, &mut |event| tell(study, hand, event))?)
}

/// Passes on what a worker says.
fn tell(study: &Study, hand: &Hand, event: &Event<'_>) {
    let said = match event {
        Event::Progress { done, all } => {
            hand.set(Progress { done: *done as u64, total: *all as u64 });
            return;
        }
        Event::Generation { notes, .. } => json!({"event": "generation", "notes": notes}),
        Event::Begun { trial, stage, settled, planned, left } => {
            json!({"event": "begun", "label": trial.label, "stage": stage, "settled": settled, "planned": planned, "seconds_left": left})
        }
        Event::Scored { trial, stage, objectives, seconds, .. } => {
            let names = study.manifest.spec.objectives.iter().map(|objective| objective.name.clone());
            let values = objectives.iter().flatten().map(|value| json!(value));
            let objectives: serde_json::Map<String, Value> = names.zip(values).collect();
            json!({"event": "scored", "label": trial.label, "stage": stage, "objectives": objectives, "seconds": seconds})
        }
        Event::Failed { trial, attempt, error } => {
            json!({"event": "failed", "label": trial.label, "attempt": attempt + 1, "error": error})
        }
        Event::Differs { trial, by } => json!({"event": "differs", "label": trial.label, "by": by}),
        Event::Waiting => json!({"event": "waiting"}),
    };
    hand.say(&said);
}

/// Runs a sweep.
pub(crate) fn sweep(py: Python<'_>, text: &str, watch: Option<Bound<'_, PyAny>>) -> PyResult<String> {
    let input: SweepInput = request(text)?;
    watched(py, watch.as_ref(), |hand| Ok(input.run(hand)?.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfirmInput {
    store: PathBuf,
    max_seconds: Option<f64>,
}

impl ConfirmInput {
    fn run(&self, hand: &Arc<Hand>) -> Result<(), Failure> {
        let study = Study::join(&self.store)?;
        let wall = self.max_seconds.map(seconds).transpose()?;
        let limits = |search| Limits { wall, trials: None, search };
        // After a change of the sweep file the scores of the search are taken over first.
        if Analysis::read(&study, TrialStage::Full, Depth::Means)?.rows.len() < study.known_trials()?.len() {
            drain(&study, hand, &limits(true))?;
        }
        let mut known = 0;
        loop {
            let trials = sweeps::confirm(&study)?.len();
            drain(&study, hand, &limits(false))?;
            let [full, confirmed] = analyses(&study, Depth::Means)?;
            // Where held-out queries rule out all of the shortlist, the next points get their turn.
            let found = sweeps::recommend(&study, &full, &confirmed, &Preference::default())?;
            let is_over = confirmed.rows.len() <= known || confirmed.rows.len() < trials;
            if is_over || !matches!(found, Err(NoRecommendation::Limits(..))) {
                return Ok(());
            }
            known = confirmed.rows.len();
        }
    }
}

/// Scores the best points on held-out queries.
pub(crate) fn confirm(py: Python<'_>, text: &str, watch: Option<Bound<'_, PyAny>>) -> PyResult<String> {
    let input: ConfirmInput = request(text)?;
    watched(py, watch.as_ref(), |hand| input.run(hand).map(|()| String::new()))
}

/// The results on the search's queries and on those that are held out.
fn analyses(study: &Study, depth: Depth) -> Result<[Analysis; 2], Failure> {
    let read = |stage| Analysis::read(study, stage, depth);
    Ok([read(TrialStage::Full)?, read(TrialStage::Confirm)?])
}

/// Everything that is known of a study.
pub(crate) fn study(py: Python<'_>, store: &str) -> PyResult<String> {
    watched(py, None, |_| {
        let study = Study::open(Path::new(store))?;
        let [full, confirmed] = analyses(&study, Depth::Intervals)?;
        let preference = Preference::default();
        let found = sweeps::recommend(&study, &full, &confirmed, &preference)?;
        let mut value = sweeps::to_json(&study, &full, Some(&confirmed));
        value["recommendation"] = sweeps::recommendation_json(&found);
        value["sentences"] = json!(recommendation(&study, &found, &preference));
        let mut table = terminal(&study, &full, shown(false));
        if !confirmed.rows.is_empty() {
            table.gap().add(&terminal(&study, &confirmed, shown(true)));
        }
        value["table"] = json!(table.to_string());
        value["planned"] = json!(full.planned);
        value["held_out"] = json!(study.manifest.spec.report.is_some());
        Ok(value.to_string())
    })
}

fn shown(all: bool) -> TableOptions {
    TableOptions { all, styled: false, columns: None }
}

/// Where a study stands.
pub(crate) fn status(py: Python<'_>, store: &str) -> PyResult<String> {
    watched(py, None, |_| Ok(json!(Status::of(&Study::open(Path::new(store))?, &mut Watch::default())?).to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecommendInput {
    store: PathBuf,
    keep: Vec<String>,
    prefer: Vec<(String, f64)>,
    choose: Option<String>,
    max: Option<String>,
    trial: Option<String>,
}

impl RecommendInput {
    fn run(&self) -> Result<Value, Failure> {
        let study = Study::open(&self.store)?;
        let [full, confirmed] = analyses(&study, Depth::Means)?;
        let (row, said) = self.chosen(&study, &full, &confirmed)?;
        Ok(json!({
            "trial": row.trial.id,
            "label": row.trial.label,
            "sentences": said,
            "recipe": sweeps::recipe_text(&study, row)?,
        }))
    }

    fn chosen<'a>(
        &self,
        study: &Study,
        full: &'a Analysis,
        confirmed: &'a Analysis,
    ) -> Result<(&'a Row, Vec<String>), Failure> {
        let invalid = |error: String| Failure::usage(error, "");
        let limits: Vec<sweeps::Bound> =
            self.keep.iter().map(|bound| bound.parse()).collect::<Result<_, String>>().map_err(invalid)?;
        let has_points = confirmed.rows.iter().any(|row| row.trial.point().is_some());
        let analysis = if has_points { confirmed } else { full };
        if let Some(name) = &self.trial {
            let row = sweeps::trial_named(analysis, name).or_else(|_| sweeps::trial_named(full, name))?;
            return Ok((row, Vec::new()));
        }
        if let Some(max) = &self.max {
            return Ok((sweeps::pick(study, analysis, max, &limits)?, Vec::new()));
        }
        let choice: Option<Choice> = self.choose.as_deref().map(str::parse).transpose().map_err(invalid)?;
        let preference = Preference { limits, weights: self.prefer.clone(), choice: choice.unwrap_or_default() };
        let found = sweeps::recommend(study, full, confirmed, &preference)?;
        let said = recommendation(study, &found, &preference);
        match found {
            Ok(found) => Ok((found.row, said)),
            Err(_) => Err(Failure::usage(
                said.join(" ").trim_end_matches('.'),
                "`keep=[\"DIRECTION >= -5%\"]` sets another limit, `trial=` takes any point by its label",
            )),
        }
    }
}

/// The point that is recommended, or asked for.
pub(crate) fn recommend(py: Python<'_>, text: &str) -> PyResult<String> {
    let input: RecommendInput = request(text)?;
    watched(py, None, |_| Ok(input.run()?.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteInput {
    store: PathBuf,
    trial: String,
    sentences: Vec<String>,
    out: PathBuf,
    force: bool,
}

impl WriteInput {
    fn run(&self, hand: &Arc<Hand>) -> Result<(), Failure> {
        let study = Study::open(&self.store)?;
        let [full, confirmed] = analyses(&study, Depth::Means)?;
        let row = sweeps::trial_named(&full, &self.trial)?;
        if let Some(recipe) = study.manifest.recipe(&row.trial.subject)? {
            let scores = card_scores(&study, &full, &confirmed, row, self.sentences.clone())?;
            let target: (&Path, bool) = (&self.out, self.force);
            admix::write_merge(recipe, target, &study, &scores, (SimdLevel::best(), &hand.cancel))?;
        }
        Ok(())
    }
}

/// Merges a point into a folder, with its scores on the model card.
pub(crate) fn write_point(py: Python<'_>, text: &str) -> PyResult<String> {
    let input: WriteInput = request(text)?;
    watched(py, None, |hand| input.run(hand).map(|()| String::new()))
}

/// The figures of a study, each with its name.
pub(crate) fn figures(py: Python<'_>, store: &str) -> PyResult<String> {
    watched(py, None, |_| {
        let study = Study::open(Path::new(store))?;
        let [full, confirmed] = analyses(&study, Depth::Intervals)?;
        Ok(json!(figure_files(&study, &full, &confirmed)?).to_string())
    })
}

/// The HTML file of a study.
pub(crate) fn report(py: Python<'_>, store: &str) -> PyResult<String> {
    watched(py, None, |_| {
        let study = Study::open(Path::new(store))?;
        let [full, confirmed] = analyses(&study, Depth::Intervals)?;
        let (texts, _) = query_texts(&study);
        Ok(page(&study, &full, &confirmed, &texts)?)
    })
}
