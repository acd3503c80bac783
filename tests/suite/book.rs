//! The manual in `docs/`: its reference pages are current, its links lead somewhere, and JSON has the fields that it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::support::{admix, copy_folder, repository, run};

fn source() -> PathBuf {
    repository().join("docs/src")
}

/// Every Markdown file below a folder.
pub(super) fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn the_reference_pages_are_current() {
    let made = tempfile::tempdir().unwrap();
    run(&repository(), &["generate", "reference", "-o", made.path().to_str().unwrap()]);
    let kept = source().join("reference");
    let mut stale = BTreeSet::new();
    let mut names = BTreeSet::new();
    for page in pages(made.path()) {
        let name = page.strip_prefix(made.path()).unwrap().to_path_buf();
        let text = fs::read_to_string(&page).unwrap();
        if fs::read_to_string(kept.join(&name)).unwrap_or_default() != text {
            stale.insert(name.clone());
        }
        names.insert(name);
    }
    for page in pages(&kept.join("commands")) {
        let name = page.strip_prefix(&kept).unwrap().to_path_buf();
        // Only a build with the feature `hub` has this command.
        if !names.contains(&name) && name != Path::new("commands/fetch.md") {
            stale.insert(name);
        }
    }
    assert!(stale.is_empty(), "run: admix generate reference -o docs/src/reference (stale: {stale:?})");
}

#[test]
fn every_page_is_in_the_summary_and_every_link_leads_to_a_heading() {
    let summary = fs::read_to_string(source().join("SUMMARY.md")).unwrap();
    let mut faults = Vec::new();
    for page in pages(&source()) {
        let name = page.strip_prefix(source()).unwrap().display().to_string();
        if name != "SUMMARY.md" && !summary.contains(&format!("({name})")) {
            faults.push(format!("SUMMARY.md lacks {name}"));
        }
    }
    let mut files = pages(&source());
    files.extend(["README.md", "CONTRIBUTING.md", "STYLE.md"].map(|name| repository().join(name)));
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for link in links(&text) {
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let found = target.exists()
                && heading.is_none_or(|heading| anchors(&fs::read_to_string(&target).unwrap()).contains(heading));
            if !found {
                faults.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The targets of the links of a Markdown text, code left out.
fn links(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if !fenced {
            found.extend(line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link));
        }
    }
    found
}

/// The anchors of the headings of a Markdown text.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let letters = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        letters.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
    };
    headings.map(anchor).collect()
}

/// A command with `--json`, under the heading of the manual that describes what it prints.
const PRINTED: [(&str, &[&str]); 15] = [
    ("merge and blend", &["merge", "recipes/linear.yaml", "-o", "out/merged", "--json", "--no-sync"]),
    ("plan", &["plan", "recipes/linear.yaml", "--json"]),
    ("check", &["check", "recipes/ratio.yaml", "--json"]),
    ("inspect of one folder", &["inspect", "fixtures/tiny/base", "--json"]),
    ("inspect of two folders", &["inspect", "fixtures/tiny/base", "fixtures/tiny/ko-en", "--json"]),
    ("convert", &["convert", "fixtures/torch", "-o", "out/converted", "--json"]),
    ("methods", &["methods", "--json"]),
    (
        "score",
        &[
            "score",
            "fixtures/tiny/base",
            "fixtures/tiny/ko-en",
            "--baseline",
            "fixtures/tiny/base",
            "--data",
            "fixtures/sets/weather",
            "--json",
        ],
    ),
    ("embed", &["embed", "fixtures/tiny/base", "-o", "out/lines.npy", "--json"]),
    (
        "cocktail",
        &["cocktail", "fixtures/tiny/base", "fixtures/tiny/ko-en", "--examples", "fixtures/sets/weather", "--json"],
    ),
    (
        "learn",
        &[
            "learn",
            "recipes/task-arithmetic.yaml",
            "--data",
            "fixtures/bilingual/en-ko",
            "fixtures/bilingual/ko-ko",
            "--unlabelled",
            "cross-en-ko=fixtures/sets/weather",
            "--hold-out",
            "0.6",
            "--pairs",
            "8",
            "--tokens",
            "16",
            "--json",
        ],
    ),
    ("data", &["data", "fixtures/sets/weather", "--json"]),
    ("data with --list", &["data", "--list", "--json"]),
    (
        "metrics",
        &[
            "metrics",
            "fixtures/rankings/qrels.txt",
            "fixtures/rankings/before.txt",
            "fixtures/rankings/after.txt",
            "--json",
        ],
    ),
    ("sweep plan", &["sweep", "plan", "recipes/sweep.yaml", "--json"]),
];

/// Commands that need the study of another one.
const OF_A_STUDY: [(&str, &[&str]); 2] = [
    ("sweep status", &["sweep", "status", "out/study", "--json"]),
    ("sweep export", &["sweep", "export", "out/study", "--json", "-"]),
];

#[test]
fn json_has_the_fields_that_the_manual_names() {
    let page = fs::read_to_string(source().join("reference/json.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for part in ["fixtures", "recipes"] {
        copy_folder(&repository().join(part), &folder.path().join(part));
    }
    run(folder.path(), &["sweep", "run", "recipes/sweep.yaml", "-q"]);
    let mut faults = Vec::new();
    for (heading, arguments) in PRINTED.iter().chain(&OF_A_STUDY) {
        let documented = documented(&page, heading);
        let output = admix(folder.path()).args(*arguments).write_stdin("one\ntwo\n").output().unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut found = BTreeSet::new();
        fields(&value, "", &documented, &mut found);
        let difference = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
            one.difference(other).cloned().collect::<Vec<_>>().join(", ")
        };
        if found != documented {
            faults.push(format!(
                "{heading}: not documented: {}; documented and not printed: {}",
                difference(&found, &documented),
                difference(&documented, &found)
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The fields in the table under a heading of the page.
fn documented(page: &str, heading: &str) -> BTreeSet<String> {
    let section = page.split("\n## ").find(|section| section.starts_with(&format!("{heading}\n"))).unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    cells.map(|(field, _)| field.to_owned()).collect()
}

/// The paths of everything in a value. A key that the page writes as `NAME` stands for any.
fn fields(value: &Value, path: &str, documented: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            for (key, inner) in entries {
                let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                let any = join("NAME");
                let path = if documented.contains(&any) { any } else { join(key) };
                found.insert(path.clone());
                fields(inner, &path, documented, found);
            }
        }
        Value::Array(entries) => {
            for inner in entries {
                fields(inner, &format!("{path}[]"), documented, found);
            }
        }
        _ => {}
    }
}
