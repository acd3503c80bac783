//! Every command of README.md and of the manual in `docs/` does what is shown there.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::book::pages;
use super::support::{copy_folder, program, repository};

/// A command of a page.
#[derive(Debug, PartialEq)]
struct Shown {
    line: usize,
    command: String,
    /// The exit code that a comment `# exits N` names.
    code: i32,
    /// The lines of output shown after it.
    output: Vec<String>,
}

/// The commands in the blocks of `text` that are marked as a shell's. A block marked `console,norun` is not run.
fn commands(text: &str) -> Vec<Shown> {
    let mut commands: Vec<Shown> = Vec::new();
    let (mut block, mut continued) = (String::new(), false);
    for (number, line) in text.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("```") {
            block = if block.is_empty() { kind.trim().to_owned() } else { String::new() };
            continue;
        }
        let command = match block.as_str() {
            _ if continued => Some(line),
            "console" => line.strip_prefix("$ "),
            "sh" | "bash" | "shell" => Some(line).filter(|line| !line.trim().is_empty() && !line.starts_with('#')),
            _ => None,
        };
        let shell = matches!(block.as_str(), "console" | "sh" | "bash" | "shell");
        match (command, commands.last_mut()) {
            (Some(more), Some(last)) if continued => {
                last.command.push('\n');
                last.command.push_str(more);
            }
            (Some(command), _) => {
                commands.push(Shown { line: number + 1, command: command.to_owned(), code: 0, output: Vec::new() });
            }
            (None, Some(last)) if shell => last.output.push(line.to_owned()),
            _ => {}
        }
        continued = shell && command.is_some_and(|command| command.ends_with('\\'));
        if let Some(last) = commands.last_mut()
            && let Some(code) = exit_code(&last.command).or_else(|| exit_code(line).filter(|_| shell))
        {
            last.code = code;
        }
    }
    commands
}

fn exit_code(text: &str) -> Option<i32> {
    text.split_once("# exits ")?.1.split_whitespace().next()?.parse().ok()
}

/// Whether a command installs, downloads, or runs these tests.
fn is_left_out(command: &str) -> bool {
    ["cargo install", "cargo test"].iter().any(|start| command.starts_with(start))
}

/// Runs a command of a page in `folder` as it would run in the repository.
fn run(folder: &Path, command: &str) -> Output {
    let command = match command.strip_prefix("cargo run") {
        Some(rest) => format!("admix {}", rest.split_once(" -- ").map_or("", |(_, arguments)| arguments)),
        None => command.to_owned(),
    };
    let tools = Path::new(program()).parent().unwrap().display().to_string();
    let path = format!("{tools}:{}", std::env::var("PATH").unwrap_or_default());
    Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder)
        .env("PATH", path)
        .env_remove("ADMIX_SIMD")
        .output()
        .unwrap()
}

/// A shown line that the output lacks, times apart. `…` stands for anything.
fn missing<'a>(shown: &'a Shown, output: &Output) -> Option<&'a str> {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let untimed = |line: &str| line.split(" in ").next().unwrap_or_default().trim_end().to_owned();
    let lines: Vec<String> = said.lines().map(untimed).collect();
    let mut from = 0;
    shown.output.iter().map(String::as_str).filter(|line| !line.trim().is_empty() && line.trim() != "…").find(|line| {
        let wanted = untimed(line);
        let parts: Vec<&str> = wanted.split('…').collect();
        let is = |found: &String| match parts.as_slice() {
            [start, .., end] => *found == wanted || (found.starts_with(start) && found.ends_with(end)),
            _ => *found == wanted,
        };
        match lines[from..].iter().position(is) {
            Some(at) => from += at + 1,
            None => return true,
        }
        false
    })
}

/// What is wrong with the commands of a page, which run one after the other in a folder of their own.
fn faults(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let name = page.strip_prefix(repository()).unwrap().display();
    let folder = tempfile::tempdir().unwrap();
    let commands: Vec<Shown> = commands(&text).into_iter().filter(|shown| !is_left_out(&shown.command)).collect();
    if commands.is_empty() {
        return Vec::new();
    }
    for part in ["fixtures", "recipes"] {
        copy_folder(&repository().join(part), &folder.path().join(part));
    }
    let mut faults = Vec::new();
    for shown in &commands {
        let output = run(folder.path(), &shown.command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(shown.code) {
            faults.push(format!("{name}:{}: {}: {}\n{said}", shown.line, shown.command, output.status));
        } else if let Some(line) = missing(shown, &output) {
            faults.push(format!("{name}:{}: {}: the output lacks: {line}", shown.line, shown.command));
        }
    }
    faults
}

#[test]
fn every_command_of_the_readme_runs_and_says_what_is_shown() {
    let faults = faults(&repository().join("README.md"));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_command_of_the_manual_runs_and_says_what_is_shown() {
    let faults: Vec<String> = pages(&repository().join("docs/src")).iter().flat_map(|page| faults(page)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_readme_is_a_front_page_with_commands_that_can_be_repeated() {
    let text = fs::read_to_string(repository().join("README.md")).unwrap();
    assert!(text.len() <= 9 * 1024, "README.md has {} bytes; move details into docs/src", text.len());
    assert!(text.lines().any(|line| line == "$ cargo test"));
    let shown: Vec<String> = commands(&text).into_iter().map(|shown| shown.command).collect();
    let writing =
        shown.iter().filter(|command| command.starts_with("admix blend") || command.starts_with("admix merge"));
    for command in writing {
        assert!(command.contains("--force") || command.contains("--print-recipe"), "{command}");
    }
}

#[test]
fn commands_are_told_from_output() {
    let text = "```console\n$ one \\\n    more\noutput\n$ two  # exits 2\n```\n\n```yaml\n$ no\n```\n\n```console,norun\n$ no\n```\n\n```sh\nthree\n# exits 3\n```\n";
    let commands = commands(text);
    let expected = [(2, "one \\\n    more", 0), (5, "two  # exits 2", 2), (17, "three", 3)];
    let found: Vec<_> = commands.iter().map(|shown| (shown.line, shown.command.as_str(), shown.code)).collect();
    assert_eq!(found, expected);
    assert_eq!(commands[0].output, ["output"]);
}
