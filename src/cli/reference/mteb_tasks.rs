//! The page of the tasks that are known by name.

use std::fmt::Write as _;

use super::prose::prose;
use crate::cli::tasks::languages;
use crate::eval::data::tasks;

const INTRODUCTION: &str = "# MTEB's tasks

`--data` takes these names ([data sets by name](../guides/data.md#data-sets-by-name)): MTEB's retrieval and reranking tasks over
Korean or English texts, Korean ones first, then those between languages. Of a task with other languages only Korean and English
subsets are named. MTEB reads those with `*` by code of their own.

| task | type | languages | split | data set | revision |
| --- | --- | --- | --- | --- | --- |
";

pub(super) fn page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for task in tasks() {
        let own = if task.by_tables { "" } else { " \\*" };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | `{}`{own} | {} |",
            prose(task.name),
            prose(task.kind),
            languages(task),
            prose(&task.splits.join(", ")),
            task.data_set,
            prose(task.revision.get(..8).unwrap_or(task.revision)),
        );
    }
    text
}
