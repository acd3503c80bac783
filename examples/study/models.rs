//! Recipes with the folders of a suite's models, and their scores.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};

use admix::{Merge, Score};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Outcome;
use super::sets::{Half, Prepared};
use super::suite::Suite;

/// The metric of the study.
pub(crate) const METRIC: &str = "ndcg@10";

/// What a model scored: each query's value on each column, and what that took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Scored {
    /// By column.
    pub(crate) values: BTreeMap<String, Vec<f64>>,
    /// Tokens that were encoded.
    pub(crate) tokens: u64,
    /// Seconds for merging and scoring.
    pub(crate) seconds: f64,
}

impl Scored {
    /// The mean of a column.
    pub(crate) fn mean(&self, column: &str) -> f64 {
        let values = self.values.get(column).map(Vec::as_slice).unwrap_or_default();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    }
}

/// What is scored.
#[derive(Clone, Debug)]
pub(crate) enum Model {
    /// One of the suite's.
    Alone(&'static str),
    /// A recipe that names the suite's models.
    Merged(String),
}

/// A half of the data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// What settings are chosen by.
    Select,
    /// What they are reported on.
    HeldOut,
}

/// Scores models, and keeps what it found so that a second run need not.
pub(crate) struct Scorer<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) sets: &'a [Prepared],
    /// The folder for what is found.
    pub(crate) work: PathBuf,
}

impl Scorer<'_> {
    /// Scores a model on one half of the data sets.
    pub(crate) fn score(&self, model: &Model, part: Part) -> Outcome<Scored> {
        let folder = self.work.join("scores");
        fs::create_dir_all(&folder)?;
        let known = folder.join(format!("{}.json", self.name(model, part)?));
        if let Ok(text) = fs::read_to_string(&known) {
            return Ok(serde_json::from_str(&text)?);
        }
        let begun = Instant::now();
        let merged = self.work.join("merged");
        let found = match model {
            Model::Alone(name) => self.score_folder(&self.suite.model(name), part, begun)?,
            Model::Merged(recipe) => {
                let path = self.work.join("recipe.yaml");
                fs::write(&path, with_folders(self.suite, recipe))?;
                Merge::recipe(&path).force().no_sync().write(&merged)?;
                let found = self.score_folder(&merged, part, begun)?;
                fs::remove_dir_all(&merged)?;
                found
            }
        };
        let written = folder.join("unfinished");
        fs::write(&written, serde_json::to_string(&found)?)?;
        fs::rename(&written, &known)?;
        Ok(found)
    }

    fn score_folder(&self, folder: &Path, part: Part, begun: Instant) -> Outcome<Scored> {
        let sets: Vec<(&str, &Half)> = self.halves(part).collect();
        let scoring = Score::model(folder).metric(METRIC);
        let scoring = sets.iter().fold(scoring, |scoring, (_, half)| scoring.data(&half.folder));
        let report = scoring.run()?;
        let values = |set: &admix::ScoredSet| set.found.scores.values(0).map(|(_, value)| value).collect();
        Ok(Scored {
            values: sets
                .iter()
                .zip(&report.sets)
                .map(|((name, _), found)| ((*name).to_owned(), values(found)))
                .collect(),
            tokens: report.sets.iter().map(|set| set.found.tokens as u64).sum(),
            seconds: begun.elapsed().as_secs_f64(),
        })
    }

    /// The data sets of one half, with the headings of their columns.
    pub(crate) fn halves(&self, part: Part) -> impl Iterator<Item = (&'static str, &Half)> {
        self.sets.iter().filter_map(move |set| match part {
            Part::Select => Some((set.name, set.select.as_ref()?)),
            Part::HeldOut => Some((set.name, &set.held_out)),
        })
    }

    /// The name of a result: a hash of everything that it depends on.
    fn name(&self, model: &Model, part: Part) -> Outcome<String> {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(env!("CARGO_PKG_VERSION"));
        add(&format!("{part:?}"));
        add(&format!("{model:?}"));
        for name in self.suite.models() {
            let weights = fs::metadata(self.suite.model(name).join("model.safetensors"))?;
            let changed = weights.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
            add(&format!("{name} {} {changed}", weights.len()));
        }
        for (name, half) in self.halves(part) {
            add(name);
            for file in ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"] {
                add(&fs::read_to_string(half.folder.join(file))?);
            }
        }
        let digest = hash.finalize();
        Ok(digest.iter().take(12).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

/// A recipe whose models are the folders of the suite, in place of their names.
pub(crate) fn with_folders(suite: &Suite, recipe: &str) -> String {
    let mut text = recipe.to_owned();
    for name in suite.models() {
        let folder = serde_json::Value::from(suite.model(name).display().to_string()).to_string();
        for (key, end) in [("model: ", "\n"), ("model: ", ","), ("base_model: ", "\n")] {
            text = text.replace(&format!("{key}{name}{end}"), &format!("{key}{folder}{end}"));
        }
    }
    text
}
