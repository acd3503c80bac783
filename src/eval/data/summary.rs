//! The sizes of a data set.

use std::collections::BTreeMap;

use super::script::{Letters, Script};
use crate::eval::{DataSet, Text};

/// The sizes of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Its queries.
    pub queries: Side,
    /// Its documents.
    pub documents: Side,
    /// The number of judgements of each grade.
    pub grades: BTreeMap<i64, usize>,
}

/// The sizes of queries or documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Side {
    /// The number of texts.
    pub texts: usize,
    /// The median of their lengths in characters.
    pub median_characters: usize,
    /// The length of the longest, in characters.
    pub longest_characters: usize,
    /// Each script's share of the letters in a sample of at most 10,000 texts, the largest first.
    pub scripts: Vec<(Script, f64)>,
}

impl Summary {
    /// Computes the sizes of `set`.
    pub fn of(set: &DataSet) -> Self {
        let mut grades = BTreeMap::new();
        for grade in set.qrels.grades.values().flat_map(BTreeMap::values) {
            *grades.entry(*grade).or_default() += 1;
        }
        Self { queries: Side::of(&set.queries), documents: Side::of(&set.documents), grades }
    }

    /// The number of judgements.
    pub fn judgements(&self) -> usize {
        self.grades.values().sum()
    }

    /// The number of judgements of relevant documents.
    pub fn positives(&self) -> usize {
        self.grades.range(1..).map(|(_, count)| count).sum()
    }

    /// The mean number of relevant documents of a query.
    pub fn positives_per_query(&self) -> f64 {
        self.positives() as f64 / self.queries.texts.max(1) as f64
    }
}

impl Side {
    fn of(texts: &[Text]) -> Self {
        let mut lengths: Vec<usize> = texts.iter().map(|text| text.text.chars().count()).collect();
        lengths.sort_unstable();
        Self {
            texts: texts.len(),
            median_characters: lengths.get(lengths.len() / 2).copied().unwrap_or(0),
            longest_characters: lengths.last().copied().unwrap_or(0),
            scripts: Letters::of(texts.iter().map(|text| text.text.as_str())).shares(),
        }
    }
}
