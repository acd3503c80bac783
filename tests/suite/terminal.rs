//! What commands print on a terminal: no line is wider than it, and no number is broken.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use unicode_width::UnicodeWidthStr as _;

use super::support::{copy_folder, program, repository, run, skip};

/// What a command shows in a terminal.
struct Shown {
    /// Every line, and every state of a line that was drawn anew.
    drawn: Vec<String>,
    /// The lines as they are left.
    left: Vec<String>,
}

/// Runs a command in a terminal of so many columns; `None` where this machine cannot make one.
fn shown(folder: &Path, columns: u16, command: &str) -> Option<Shown> {
    let line = format!("stty cols {columns} rows 40; exec '{}' {command}", program());
    let output = Command::new("script").args(["-qec", &line, "/dev/null"]).current_dir(folder).output();
    let Ok(output) = output else {
        skip("there is no `script` to make a terminal");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
    assert!(output.status.success(), "{command}: {text}");
    let left = text.lines().map(|line| bare(line.rsplit('\r').next().unwrap_or_default())).collect();
    Some(Shown { drawn: text.split(['\n', '\r']).map(bare).collect(), left })
}

/// Whether a line is no wider than the terminal; one word may be, as it cannot be broken.
fn fits(line: &str, columns: u16) -> bool {
    line.width() <= columns.into() || !line.trim().contains(' ')
}

fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\x1b' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            out.push(c);
        }
    }
    out
}

fn numbers(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .split_whitespace()
        .filter(|word| word.contains("0."))
        .map(|word| word.trim_matches(['*', '↑', '↓']).to_owned())
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Two models with long names and four data sets.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a-retriever-with-a-long-name-checkpoint-1000", "a-retriever-with-a-long-name-checkpoint-2000"];
    for (fixture, name) in [("base", names[0]), ("ko-en", names[1])] {
        copy_folder(&repository().join("fixtures/tiny").join(fixture), &folder.path().join(name));
    }
    for name in ["weather", "news", "travel"] {
        copy_folder(&repository().join("fixtures/sets/weather"), &folder.path().join(name));
    }
    folder
}

#[test]
fn tables_fit_the_terminal_and_have_every_number_whole() {
    let folder = folder();
    let models = "a-retriever-with-a-long-name-checkpoint-1000 a-retriever-with-a-long-name-checkpoint-2000";
    let score = format!(
        "score {models} --data weather news travel -m ndcg@10,recall@5 --baseline a-retriever-with-a-long-name-checkpoint-1000 -q"
    );
    let inspect = format!("inspect {models}");
    let all =
        [score.as_str(), &inspect, "inspect a-retriever-with-a-long-name-checkpoint-1000", "data weather", "methods"];
    for command in all {
        let arguments: Vec<&str> = command.split(' ').collect();
        let piped = String::from_utf8(run(folder.path(), &arguments).stdout).unwrap();
        for columns in [40, 80, 200] {
            let Some(Shown { drawn, left }) = shown(folder.path(), columns, command) else { return };
            let text = left.join("\n");
            // The lines of a method's page are for 80 columns.
            if command != "methods" || columns >= 80 {
                assert!(drawn.iter().all(|line| fits(line, columns)), "{command} in {columns}\n{text}");
            }
            assert_eq!(numbers(&text), numbers(&piped), "{command} in {columns}\n{text}");
        }
        if command.starts_with("score") {
            assert!(!piped.contains('…') && piped.contains("checkpoint-2000"), "{piped}");
        }
    }
}

#[test]
fn a_merge_draws_its_bar_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["base", "cross-ko-en"] {
        copy_folder(&repository().join("fixtures/retrievers").join(name), &folder.path().join(name));
    }
    for columns in [40, 80] {
        let command = "blend base cross-ko-en -o out --force";
        let Some(Shown { drawn, left }) = shown(folder.path(), columns, command) else { return };
        assert!(drawn.iter().all(|line| fits(line, columns)), "{drawn:?}");
        assert!(left.concat().contains("merged 37 tensors"), "{left:?}");
        fs::remove_dir_all(folder.path().join("out")).unwrap();
    }
}
