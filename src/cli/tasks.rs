//! Lists the tasks of MTEB that are known by name.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::render::{self, Usage};
use crate::escape::{Page, columns};
use crate::eval::data::{Task, tasks};

/// Prints the tasks that have one of the words in their name, data set, type or languages; all without words.
pub(super) fn list(words: &[PathBuf], for_programs: bool) -> anyhow::Result<()> {
    let words: Vec<String> = words.iter().map(|word| word.to_string_lossy().to_lowercase()).collect();
    let found: Vec<&Task> = tasks().iter().filter(|task| words.is_empty() || is_about(task, &words)).collect();
    if found.is_empty() {
        let hint = "words are looked for in names, data sets, types and languages such as kor or eng";
        return Err(Usage::with_hint("no task of MTEB has any of these words", hint).into());
    }
    if for_programs {
        return render::print_json(&json!({"tasks": found.into_iter().map(to_json).collect::<Vec<_>>()}));
    }
    let rows: Vec<Vec<String>> = found.iter().map(|task| row(task)).collect();
    let mut out = Page::new();
    out.add(&columns(&["task", "type", "languages", "split", "data set", "revision"], &rows, &[], render::columns()));
    render::print(&out)
}

fn is_about(task: &Task, words: &[String]) -> bool {
    let languages = task.subsets.iter().flat_map(|(_, languages)| languages.iter().copied());
    let mut texts: Vec<String> = languages.map(str::to_lowercase).collect();
    texts.extend([task.name, task.data_set, task.kind].map(str::to_lowercase));
    words.iter().any(|word| texts.iter().any(|text| text.contains(word.as_str())))
}

fn row(task: &Task) -> Vec<String> {
    vec![
        task.name.to_owned(),
        task.kind.to_owned(),
        languages(task),
        task.splits.join(", "),
        format!("{}{}", task.data_set, if task.by_tables { "" } else { " *" }),
        task.revision.get(..8).unwrap_or(task.revision).to_owned(),
    ]
}

/// The languages of each subset, without scripts: `kor`, `eng-kor`.
pub(super) fn languages(task: &Task) -> String {
    let mut found: Vec<String> = Vec::new();
    for (_, languages) in &task.subsets {
        let parts: Vec<&str> = languages.iter().map(|code| code.split('-').next().unwrap_or(code)).collect();
        let name = parts.join("-");
        if !found.contains(&name) {
            found.push(name);
        }
    }
    // Korean first, as in the list.
    found.sort_by_key(|name| !name.contains("kor"));
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    if more > 0 { format!("{} and {more} more", found.join(", ")) } else { found.join(", ") }
}

/// The most languages or pairs that a line names.
const MOST: usize = 4;

fn to_json(task: &Task) -> Value {
    let subsets: Vec<Value> =
        task.subsets.iter().map(|(name, languages)| json!({"name": name, "languages": languages})).collect();
    json!({
        "name": task.name,
        "type": task.kind,
        "data_set": task.data_set,
        "revision": task.revision,
        "splits": task.splits,
        "subsets": subsets,
        "by_tables": task.by_tables,
        "main_score": task.main_score,
        "query_prompt": task.query_prompt,
        "document_prompt": task.document_prompt,
    })
}
