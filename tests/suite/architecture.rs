//! A module uses only modules that stand before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::support::repository;

/// Each module and what it may use.
const MAY_USE: [(&str, &[&str]); 16] = [
    (FOR_ALL, &[]),
    ("yaml", &[]),
    ("kernel", &[]),
    ("checkpoint", &["kernel"]),
    ("method", &["kernel"]),
    ("recipe", &["yaml", "kernel", "checkpoint", "method"]),
    ("plan", &["yaml", "kernel", "checkpoint", "method", "recipe"]),
    ("merge", &["kernel", "checkpoint", "method", "plan"]),
    ("write", &["kernel", "checkpoint", "plan", "merge"]),
    ("fetch", &["checkpoint"]),
    ("convert", &["checkpoint", "plan", "write"]),
    ("encoder", &["kernel", "checkpoint", "merge"]),
    ("eval", &["kernel", "checkpoint", "recipe", "encoder"]),
    ("sweep", &["yaml", "kernel", "checkpoint", "method", "recipe", "plan", "merge", "write", "encoder", "eval"]),
    ("report", &["kernel", "recipe", "eval", "sweep"]),
    (
        "cli",
        &[
            "kernel",
            "checkpoint",
            "method",
            "recipe",
            "plan",
            "merge",
            "write",
            "convert",
            "fetch",
            "encoder",
            "eval",
            "sweep",
            "report",
        ],
    ),
];

/// What every module may use: it uses none.
const FOR_ALL: &str = "shown";

#[test]
fn modules_use_only_what_stands_before_them() {
    let source = repository().join("src");
    let modules: BTreeSet<String> = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(modules, MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect());
    let mut faults = Vec::new();
    for (module, may_use) in MAY_USE {
        for file in rust_files(&source.join(module)) {
            for (used, line) in uses(&fs::read_to_string(&file).unwrap()) {
                if used != module && used != FOR_ALL && !may_use.contains(&used.as_str()) {
                    faults.push(format!("{}:{line}: {module} uses {used}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_outside_the_command_line_prints_or_reads_arguments() {
    let source = repository().join("src");
    let mut faults = Vec::new();
    for (module, _) in MAY_USE.iter().filter(|(module, _)| *module != "cli") {
        for file in rust_files(&source.join(module)) {
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if ["println!", "print!(", "stderr()", "stdout()", "env::args", "process::exit", "anyhow", "clap"]
                    .iter()
                    .any(|word| code.contains(word))
                {
                    faults.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The crate's modules that a file names, each with the first line that does.
fn uses(text: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        for name in first_names(rest) {
            found.entry(name).or_insert(line);
        }
    }
    found
}

/// `a` of `a::b`, and `a`, `c` of `{a::b, c}`.
fn first_names(path: &str) -> Vec<String> {
    let name =
        |text: &str| -> String { text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let Some(inner) = path.strip_prefix('{') else { return vec![name(path)] };
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                names.extend(Some(name(&inner[start..at])).filter(|name| !name.is_empty()));
                if c == '}' {
                    return names;
                }
                start = at + 1;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn names_in_braces_are_found() {
    let found = uses(
        "use crate::{kernel::{Float, Level}, merge, plan::{self, Plan}};\nuse crate::recipe::Recipe; // crate::cli",
    );
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["kernel", "merge", "plan", "recipe"]);
}
