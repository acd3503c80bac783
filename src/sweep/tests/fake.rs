//! An evaluator whose scores are curves that the test plants.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use crate::eval::draw;
use crate::progress::Cancel;
use crate::sweep::file::Spec;
use crate::sweep::study::{Lease, Results};
use crate::sweep::study::{Manifest, sample, sample_documents};
use crate::sweep::{
    Ended, Error, EvaluationError, Evaluator, Model, Options, Prepared, Queries, QueryScores, Request, Schedule, Set,
    Study, Subject, Trial, TrialResult, hash, work,
};

/// Queries of each data set.
pub(crate) const QUERIES: usize = 60;

/// A study of two parents, with data sets `mono`, `cross one` and `cross two`, which has only the lines of the sweep file
/// that `more` gives.
pub(crate) fn study(folder: &Path, more: &str) -> Study {
    let root = folder.join("study");
    if root.join("study.json").exists() {
        return Study::join(&root).unwrap();
    }
    Study::create_from(manifest(folder, more), &root).unwrap()
}

/// The same, with so many queries of each data set.
pub(crate) fn study_with(folder: &Path, more: &str, queries: usize) -> Study {
    let mut manifest = manifest(folder, more);
    manifest.sets.iter_mut().for_each(|set| set.queries = queries);
    Study::create_from(manifest, &folder.join("study")).unwrap()
}

pub(crate) const SLERP: &str =
    "recipe: {merge_method: slerp, base_model: a, models: [{model: b}], parameters: {t: \"${w}\"}}\n";
pub(crate) const GRID: &str = "params: {w: {min: 0, max: 1, step: 0.1}}\n";

pub(crate) fn manifest(folder: &Path, more: &str) -> Manifest {
    for name in ["mono", "cross"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    let objectives = "objectives: {mono: {mean: [mono]}, cross: {mean: [cross]}}\n";
    let objectives = if more.contains("objectives:") { "" } else { objectives };
    let recipe = if more.contains("recipe:") { "" } else { SLERP };
    let params = if more.contains("params:") { "" } else { GRID };
    let spec = Spec::parse(&format!("{recipe}{params}{objectives}{more}"), "sweep.yaml", Some(folder)).unwrap().spec;
    let set = |label: &str, source| Set {
        label: label.to_owned(),
        source,
        direction: None,
        split: None,
        queries: QUERIES,
        held_out: QUERIES,
        documents: 1000,
        content: format!("content of {label}"),
        held_out_content: format!("held-out content of {label}"),
    };
    let names: Vec<String> = {
        let middle = spec.params.place(&vec![0.5; spec.params.dimensions()]);
        let values = spec.params.texts(&middle);
        spec.recipe.at(&values).unwrap().models().iter().map(|model| model.path.clone()).collect()
    };
    let mut names = names;
    names.sort();
    let model = |name: &String| Model {
        adapter: None,
        name: name.clone(),
        short: name.clone(),
        path: folder.join(name),
        hash: format!("hash of {name}"),
        files: Vec::new(),
    };
    Manifest {
        schema: crate::sweep::study::SCHEMA,
        admix: env!("CARGO_PKG_VERSION").to_owned(),
        models: names.iter().map(model).collect(),
        sets: vec![set("mono", 0), set("cross one", 1), set("cross two", 1)],
        // A third objective takes the second of the sets that lie in one folder.
        objectives: if spec.objectives.len() == 3 {
            vec![vec![0], vec![1], vec![2]]
        } else {
            vec![vec![0], vec![1, 2]]
        },
        data: Vec::new(),
        first_stage: Vec::new(),
        revises: None,
        spec,
    }
}

/// Scores: the mean of data set `set` at a point in the space of weights of the models, one a model.
pub(crate) type Curve = fn(set: usize, weights: &[f64]) -> f64;

/// Mono falls from the first parent to the second, and cross rises, with a top before the end.
pub(crate) fn trade_off(set: usize, weights: &[f64]) -> f64 {
    let w = weights[1];
    match set {
        0 => 0.7 - 0.2 * w * w,
        1 => 0.4 + 0.5 * w - 0.3 * w * w,
        _ => 0.3 + 0.4 * w - 0.15 * w * w,
    }
}

/// An evaluator whose scores are a curve's, with noise that is each query's own.
pub(crate) struct Fake {
    pub(crate) study: Manifest,
    pub(crate) curve: Curve,
    /// The curve of the held-out queries, where it is another one.
    pub(crate) held_out: Option<Curve>,
    /// How much queries differ.
    pub(crate) spread: f64,
    /// How much a query's gain differs from the curve's.
    pub(crate) noise: f64,
    /// How long a trial takes.
    pub(crate) time: Duration,
    /// Trials whose label holds this fail.
    pub(crate) fails: Option<&'static str>,
    /// Trials that were scored, not those whose scores were known.
    pub(crate) scored: Vec<String>,
    pub(crate) trial: Option<Trial>,
    /// The data sets that were asked for, trial by trial.
    pub(crate) asked: Vec<Vec<usize>>,
}

impl Fake {
    pub(crate) fn new(study: &Study) -> Self {
        Self {
            study: study.manifest.clone(),
            curve: trade_off,
            held_out: None,
            spread: 0.2,
            noise: 0.02,
            time: Duration::ZERO,
            fails: None,
            scored: Vec::new(),
            trial: None,
            asked: Vec::new(),
        }
    }

    /// The share of each model.
    pub(crate) fn weights(&self, subject: &Subject) -> Vec<f64> {
        let models = self.study.models.len();
        match subject {
            Subject::Parent(index) => (0..models).map(|model| f64::from(u8::from(model == *index))).collect(),
            Subject::Uniform => vec![1.0 / models as f64; models],
            Subject::Point(values) if values.len() == 1 => vec![1.0 - values[0], values[0]],
            Subject::Point(values) => values.clone(),
        }
    }
}

/// Changes what a record holds, as a program that knows its form would.
pub(crate) fn rewrite(root: &Path, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let path = root.join(name);
    let (mut value, of) = crate::sweep::study::open_record(&std::fs::read(&path).unwrap(), name, None).unwrap();
    change(&mut value);
    std::fs::write(path, crate::sweep::study::seal(&value, &of, name).unwrap()).unwrap();
}

/// A number between −1 and 1 that depends on nothing but its arguments.
fn chance(seed: u64, index: u64) -> f64 {
    (draw(seed, index) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

impl Evaluator for Fake {
    fn prepare(&mut self, trial: &Trial) -> Result<Prepared, EvaluationError> {
        self.trial = Some(trial.clone());
        let weights = hash::of_bytes(format!("{:?}", self.weights(&trial.subject)).as_bytes());
        Ok(Prepared { weights, seconds: 0.001 })
    }

    fn score(&mut self, request: &mut Request<'_>) -> Result<Vec<QueryScores>, EvaluationError> {
        let trial = self.trial.clone().unwrap();
        self.scored.push(trial.label.clone());
        self.asked.push(request.sets.to_vec());
        std::thread::sleep(self.time);
        if request.cancel.is_cancelled() {
            return Err(EvaluationError::Cancelled);
        }
        if self.fails.is_some_and(|fails| trial.label.contains(fails)) {
            return Err(EvaluationError::Trial("planted".into()));
        }
        let weights = self.weights(&trial.subject);
        let seed = weights.iter().fold(17, |seed: u64, weight| draw(seed, weight.to_bits()));
        let held_out = u64::from(request.queries == Queries::Report) * 1000;
        let set = |index: usize| {
            let curve = self.held_out.filter(|_| held_out > 0).unwrap_or(self.curve);
            // Few documents make scores higher.
            let mean = curve(index, &weights) + if request.race.is_some() { 0.1 } else { 0.0 };
            let all = if held_out > 0 { QUERIES } else { self.study.sets[index].queries };
            let queries = request.race.map_or(0..all, |step| sample(step, all));
            let documents = request.race.map_or(1000, |step| sample_documents(step, 1000));
            let value = |query: usize| {
                let query = query as u64 + held_out + 10_000 * index as u64;
                let own = chance(3, query) * self.spread + chance(seed, query) * self.noise;
                // No metric is above 1.
                Some((mean + own).clamp(0.0, 1.0))
            };
            QueryScores {
                queries: queries.clone().map(|query| format!("{}-{query}", request.queries.name())).collect(),
                metrics: vec![queries.clone().map(value).collect()],
                documents,
                tokens: 10 * queries.len() + 5 * documents,
                tops: (0..all.min(request.depth)).map(|query| (format!("q{query}"), vec!["d".to_owned()])).collect(),
                encode: 0.001,
                ..QueryScores::default()
            }
        };
        Ok(request.sets.iter().map(|index| set(*index)).collect())
    }

    fn queries(&mut self, queries: Queries) -> Result<Vec<Vec<String>>, EvaluationError> {
        let ids = || (0..QUERIES).map(|query| format!("{}-{query}", queries.name())).collect();
        Ok(self.study.sets.iter().map(|_| ids()).collect())
    }

    fn device(&self) -> String {
        "fake".to_owned()
    }
}

pub(crate) static NEVER: LazyLock<Cancel> = LazyLock::new(Cancel::new);

pub(crate) fn options() -> Options<'static> {
    Options {
        wall: None,
        max_trials: None,
        lease: Lease { beat: Duration::from_millis(200), stale: Duration::from_secs(5) },
        poll: Duration::from_millis(20),
        cancel: &NEVER,
        finish: &NEVER,
        search: true,
    }
}

pub(crate) fn run(study: &Study, fake: &mut Fake) -> Result<Ended, Error> {
    work(study, fake, options(), &mut |_| {})
}

/// Everything that is recorded, but for times and who did it.
pub(crate) fn recorded(study: &Study) -> String {
    let results = Results::read(study).unwrap();
    let schedule = Schedule::read(&study.store).unwrap();
    let mut out = format!("{:#?}\n", schedule.search);
    for (key, done) in &results.done {
        let TrialResult { worker: _, began: _, timings: _, ref sets, ref weights, ref label, .. } = *done;
        let _ = writeln!(out, "{key} {label} {weights} {sets:#?} {:?}", study.store.per_query(key).unwrap());
    }
    for (key, failures) in &results.failures {
        let _ = writeln!(out, "{key} failed {} times", failures.len());
    }
    out
}
