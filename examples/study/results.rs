//! The figures of a study, as its JSON file has them.

use serde::{Deserialize, Serialize};

/// A suite's figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    /// The suite.
    pub(crate) suite: String,
    /// Its heading.
    pub(crate) title: String,
    /// What it is.
    pub(crate) about: String,
    /// The program's version.
    pub(crate) admix: String,
    /// Settings a method, at most.
    pub(crate) points: usize,
    /// The columns.
    pub(crate) columns: Vec<Column>,
    /// The models alone, plain averages, and every method at its best setting.
    pub(crate) rows: Vec<Row>,
    /// Every setting of `linear`, on held-out queries.
    pub(crate) ratios: Vec<Ratio>,
    /// Methods that were not tried.
    pub(crate) left_out: Vec<LeftOut>,
    /// What each fine-tune lost and gained against the base, and what a merge makes of it.
    pub(crate) recovery: Vec<Recovery>,
}

/// A data set in one direction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Queries that choose, and the documents that they search; `None` where the set is only scored.
    pub(crate) select: Option<[usize; 2]>,
    /// Held-out queries, and the documents that they search.
    pub(crate) held_out: [usize; 2],
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A model that was not merged.
    Model,
    /// The plain average of all fine-tunes, which nothing was chosen for.
    Average,
    /// A merge method.
    Method,
    /// Learned weights.
    Learned,
}

/// A model, or a method at its best setting.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The setting, in a few words.
    pub(crate) setting: String,
    /// Its recipe, with the models by their names; none for models alone.
    pub(crate) recipe: Option<String>,
    /// Settings that it was chosen from.
    pub(crate) points: usize,
    /// Its mean over the directions on the queries that choose.
    pub(crate) select: f64,
    /// Held-out scores, by column.
    pub(crate) scores: Vec<f64>,
    /// Their mean over the directions.
    pub(crate) mean: f64,
    /// Against the best plain average: the mean, and each direction.
    pub(crate) against: Option<Against>,
    /// Tokens that were encoded for the choice.
    pub(crate) tokens: u64,
    /// Seconds that the choice took.
    pub(crate) seconds: f64,
}

/// A row against the best plain average.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Against {
    pub(crate) mean: Test,
    pub(crate) directions: Vec<Test>,
}

/// A paired test.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Test {
    pub(crate) difference: f64,
    /// Its 95 % interval.
    pub(crate) interval: [f64; 2],
    pub(crate) p: f64,
    /// After Holm's correction over the family.
    pub(crate) corrected: f64,
}

/// A setting of `linear`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) setting: String,
    /// The mean over directions within a language.
    pub(crate) within: f64,
    /// The mean over directions across languages.
    pub(crate) across: f64,
}

/// A method that was not tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    pub(crate) method: String,
    pub(crate) reason: String,
}

/// A fine-tune in one direction, against the base and against merges.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recovery {
    /// The fine-tune.
    pub(crate) model: String,
    /// The direction.
    pub(crate) column: String,
    pub(crate) base: f64,
    pub(crate) tuned: f64,
    /// The fine-tune against the base.
    pub(crate) change: Test,
    /// Merges, each with its test against the fine-tune.
    pub(crate) merges: Vec<Merged>,
}

/// A merge in one direction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Merged {
    /// The row.
    pub(crate) row: String,
    pub(crate) score: f64,
    /// The merge against the fine-tune.
    pub(crate) test: Test,
}

impl Results {
    /// A row by its name.
    pub(crate) fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// The index of a column.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The merge that the queries that choose like best.
    pub(crate) fn chosen(&self) -> Option<&Row> {
        let merges = self.rows.iter().filter(|row| row.kind != Kind::Model);
        merges.reduce(|best, row| if row.select > best.select { row } else { best })
    }

    /// The directions by which merges were chosen, with their index.
    pub(crate) fn directions(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(|(_, column)| column.select.is_some())
    }

    /// The mean of a row over directions within a language, or across.
    pub(crate) fn mean_of(&self, row: &Row, within: bool) -> f64 {
        let of_kind = |name: &str| super::suite::is_within_language(name) == within;
        let values: Vec<f64> = self
            .directions()
            .filter(|(_, column)| of_kind(&column.name))
            .filter_map(|(index, _)| row.scores.get(index).copied())
            .collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    }
}
