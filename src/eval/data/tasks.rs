//! The retrieval and reranking tasks over Korean or English texts that MTEB knows.

use std::sync::LazyLock;

use crate::nearest::nearest;

/// The owner of the copies that MTEB keeps; `mteb/TASK` also means the task.
pub(super) const MTEB: &str = "mteb/";

/// Made by `fixtures/make_mteb_tasks.py`.
const TABLE: &str = include_str!("mteb_tasks.tsv");

/// A task of MTEB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its name, as leaderboards have it.
    pub name: &'static str,
    /// Its type: `Retrieval`, `Reranking` or one of these with instructions.
    pub kind: &'static str,
    /// Its data set on the Hub, `org/name`.
    pub data_set: &'static str,
    /// The revision of the data set that MTEB scores.
    pub revision: &'static str,
    /// The splits that MTEB scores.
    pub splits: Vec<&'static str>,
    /// Its subsets with their languages, such as `ko` and `kor-Hang`; `default` where there is one alone.
    pub subsets: Vec<(&'static str, Vec<&'static str>)>,
    /// Whether MTEB reads the data set's tables as they are, and not by code of the task's own.
    pub by_tables: bool,
    /// The main score, such as `ndcg_at_10`.
    pub main_score: &'static str,
    /// The prompt of queries for models that take instructions; may be empty.
    pub query_prompt: &'static str,
    /// The prompt of documents; may be empty.
    pub document_prompt: &'static str,
}

impl Task {
    fn read(line: &'static str) -> Option<Self> {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let (name, kind, data_set, revision, splits, subsets) = (next()?, next()?, next()?, next()?, next()?, next()?);
        let subset = |text: &'static str| {
            let (subset, languages) = text.split_once('=')?;
            Some((subset, languages.split(',').collect()))
        };
        Some(Self {
            name,
            kind,
            data_set,
            revision,
            splits: splits.split(',').collect(),
            subsets: subsets.split(';').filter_map(subset).collect(),
            by_tables: next()? == "tables",
            main_score: next()?,
            query_prompt: next()?,
            document_prompt: next()?,
        })
    }

    /// The languages of a subset.
    pub fn languages(&self, subset: &str) -> &[&'static str] {
        let found = self.subsets.iter().find(|(name, _)| *name == subset);
        found.map(|(_, languages)| languages.as_slice()).unwrap_or_default()
    }
}

/// The tasks: Korean ones first, then those between languages, then English ones.
pub fn tasks() -> &'static [Task] {
    static TASKS: LazyLock<Vec<Task>> = LazyLock::new(|| TABLE.lines().filter_map(Task::read).collect());
    &TASKS
}

/// The task of this name, in any case of letters.
pub fn task(name: &str) -> Option<&'static Task> {
    tasks().iter().find(|task| task.name.eq_ignore_ascii_case(name))
}

/// The task whose name is nearest to a name that is not known.
pub fn nearest_task(text: &str) -> Option<&'static str> {
    let name = text.split(['@', ':']).next().unwrap_or_default();
    let name = name.strip_prefix(MTEB).unwrap_or(name).to_lowercase();
    let lower: Vec<String> = tasks().iter().map(|task| task.name.to_lowercase()).collect();
    let found = nearest(&name, lower.iter().map(String::as_str))?;
    tasks().iter().find(|task| task.name.to_lowercase() == found).map(|task| task.name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_task() {
        assert_eq!(tasks().len(), TABLE.lines().count());
        for task in tasks() {
            assert!(!task.splits.is_empty() && !task.subsets.is_empty() && task.data_set.contains('/'), "{task:?}");
            assert!(crate::checkpoint::HubModel::data_set(task.data_set, Some(task.revision)).is_some(), "{task:?}");
        }
        let task = super::task("ko-strategyqa").unwrap();
        assert_eq!(
            (task.name, task.data_set, task.splits.as_slice()),
            ("Ko-StrategyQA", "taeminlee/Ko-StrategyQA", &["dev"][..])
        );
        assert_eq!(super::task("MIRACLRetrieval").unwrap().languages("ko"), ["kor-Kore"]);
    }
}
