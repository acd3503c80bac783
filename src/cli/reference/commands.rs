//! A page for each command, from the arguments themselves.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::page::Page;
use super::prose::{paragraphs, prose};

/// A page for each command, the subcommands of a command on its page.
pub(super) fn pages(program: &Command) -> Vec<Page> {
    let mut program = program.clone();
    program.build();
    let commands = program.get_subcommands().filter(|command| is_documented(command));
    let page = |command: &Command| Page {
        file: format!("commands/{}.md", command.get_name()),
        text: text(command, &format!("admix {}", command.get_name()), 1),
    };
    commands.map(page).collect()
}

fn is_documented(command: &Command) -> bool {
    command.get_name() != "help" && !command.is_hide_set()
}

/// The command and its subcommands, under headings that begin at a level.
fn text(command: &Command, path: &str, level: usize) -> String {
    let mut out = format!("{} `{path}`\n\n", "#".repeat(level));
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(out, "{}\n", paragraphs(&about).join("\n\n"));
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _ = writeln!(out, "```text\n{usage}\n```");
    let shown = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    let (positional, options): (Vec<_>, Vec<_>) =
        command.get_arguments().filter(shown).partition(|arg| arg.is_positional());
    for (nth, arg) in positional.iter().chain(&options).enumerate() {
        let _ = write!(out, "{}{}", if nth == 0 { "\n" } else { "" }, argument(arg));
    }
    if let Some(after) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        let _ = writeln!(out, "\n```text\n{}\n```", after.to_string().trim_end());
    }
    for inner in command.get_subcommands().filter(|command| is_documented(command)) {
        let _ = write!(out, "\n{}", text(inner, &format!("{path} {}", inner.get_name()), level + 1));
    }
    out
}

/// An entry of the list of arguments.
fn argument(arg: &Arg) -> String {
    let mut out = format!("- `{}`: ", spelt(arg));
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
    out.push_str(&paragraphs(&help).join(" "));
    if arg.is_required_set() && !arg.is_positional() {
        out.push_str(" Required.");
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if !defaults.is_empty() && takes_value(arg) {
        let _ = write!(out, " Default: `{}`.", defaults.join(","));
    }
    if let Some(name) = arg.get_env() {
        let _ = write!(out, " Environment variable: `{}`.", name.to_string_lossy());
    }
    out.push('\n');
    let values = if takes_value(arg) { arg.get_possible_values() } else { Vec::new() };
    if arg.get_id() == "method" && values.len() > 6 {
        out.push_str("  The methods are listed in [Merge methods](../methods.md).\n");
        return out;
    }
    for value in values.iter().filter(|value| !value.is_hide_set()) {
        let help = value.get_help().map(|help| format!(": {}", prose(&help.to_string()))).unwrap_or_default();
        let _ = writeln!(out, "  - `{}`{help}", value.get_name());
    }
    out
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// The argument as one types it: `-o, --out <OUT>`.
fn spelt(arg: &Arg) -> String {
    let value = if takes_value(arg) {
        let names = arg.get_value_names().unwrap_or_default();
        let many = if arg.get_num_args().is_some_and(|range| range.max_values() > 1) { "..." } else { "" };
        names.iter().map(|name| format!("<{name}>{many}")).collect::<Vec<_>>().join(" ")
    } else {
        String::new()
    };
    let names = match (arg.get_short(), arg.get_long()) {
        (Some(short), Some(long)) => format!("-{short}, --{long}"),
        (None, Some(long)) => format!("--{long}"),
        (Some(short), None) => format!("-{short}"),
        (None, None) => String::new(),
    };
    [names, value].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
