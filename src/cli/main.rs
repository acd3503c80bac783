//! Parses the arguments, runs the command, reports what went wrong.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{blend, inspect, merge, plan, render};

/// Merges retriever (embedding) checkpoints and shows what the merge did.
#[derive(Debug, Parser)]
#[command(
    name = "admix",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done · 1 unexpected · 2 usage or recipe · 3 checkpoint refused · 130 interrupted"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Merge(merge::Args),
    Blend(blend::Args),
    Plan(plan::Args),
    Inspect(inspect::Args),
}

/// Runs the command line and gives its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let done = match cli.command {
        Command::Merge(args) => merge::run(&args),
        Command::Blend(args) => blend::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Inspect(args) => inspect::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => render::report(&error),
    }
}
