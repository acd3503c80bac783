//! Parses the arguments, runs the command, reports what went wrong.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

#[cfg(feature = "hub")]
use super::fetch;
#[cfg(not(feature = "hub"))]
use super::render::Usage;
use super::{
    blend, check, convert, data, generate, init, inspect, merge, methods, metrics, plan, program, render, schema,
};
#[cfg(feature = "eval")]
use super::{cocktail, embed, learn, score, sweep};
use crate::escape::line;
#[cfg(not(feature = "hub"))]
use crate::escape::shell;

/// Merges retriever (embedding) checkpoints and shows what the merge did.
#[derive(Debug, Parser)]
#[command(
    name = "admix",
    version,
    max_term_width = 100,
    after_help = "\
Examples:
  admix init base ko-ko ko-en --data sets/ko-ko sets/ko-en   recipe.yaml and sweep.yaml
  admix merge recipe.yaml -o merged
  admix score merged base --data sets/ko-ko sets/ko-en --baseline base
  admix sweep run sweep.yaml

Exit codes: 0 done · 1 unexpected · 2 usage or recipe · 3 checkpoint or data set refused ·
            4 evaluation failed · 5 study does not match · 130 interrupted"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Merge(merge::Args),
    Blend(blend::Args),
    Plan(plan::Args),
    Check(check::Args),
    Inspect(inspect::Args),
    Convert(convert::Args),
    #[cfg(feature = "hub")]
    Fetch(fetch::Args),
    /// Not in this build
    #[cfg(not(feature = "hub"))]
    #[command(hide = true, disable_help_flag = true)]
    Fetch(NoFetch),
    Methods(methods::Args),
    #[cfg(feature = "eval")]
    Cocktail(cocktail::Args),
    #[cfg(feature = "eval")]
    Learn(learn::Args),
    #[cfg(feature = "eval")]
    Score(score::Args),
    #[cfg(feature = "eval")]
    Embed(embed::Args),
    #[cfg(feature = "eval")]
    Sweep(sweep::Args),
    Data(data::Args),
    Metrics(metrics::Args),
    Schema(schema::Args),
    Generate(generate::Args),
}

/// The arguments of `fetch` in a build without downloads.
#[cfg(not(feature = "hub"))]
#[derive(Debug, clap::Args)]
struct NoFetch {
    #[arg(num_args = 0.., allow_hyphen_values = true, trailing_var_arg = true)]
    arguments: Vec<String>,
}

#[cfg(not(feature = "hub"))]
impl NoFetch {
    fn refuse(&self) -> anyhow::Error {
        let model =
            self.arguments.iter().find(|argument| !argument.starts_with('-')).map_or("ORG/NAME", String::as_str);
        let hint = format!(
            "`hf download {}` puts the model where admix finds it; `cargo install --path . --features hub` builds admix \
             with `fetch`",
            shell(model)
        );
        Usage::with_hint("this build of admix has no `fetch`: it was built without the feature `hub`", hint).into()
    }
}

/// Runs the command line and gives its exit code.
pub fn main() -> ExitCode {
    hide_caught_panics();
    ExitCode::from(run())
}

/// Runs the command line in a process of another program and gives its exit code. `file` starts the program anew, and the first
/// of `arguments` is its name.
pub fn main_of(file: PathBuf, arguments: Vec<OsString>) -> u8 {
    program::set(file, arguments);
    run()
}

fn run() -> u8 {
    let cli = match Cli::try_parse_from(program::arguments()) {
        Ok(cli) => cli,
        Err(error) => {
            return render::usage(&spelt_out().unwrap_or(error));
        }
    };
    let done = match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Blend(args) => blend::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Check(args) => match check::run(&args) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        #[cfg(feature = "hub")]
        Command::Fetch(args) => fetch::run(&args),
        #[cfg(not(feature = "hub"))]
        Command::Fetch(args) => Err(args.refuse()),
        Command::Methods(args) => methods::run(&args),
        #[cfg(feature = "eval")]
        Command::Cocktail(args) => cocktail::run(&args),
        #[cfg(feature = "eval")]
        Command::Learn(args) => learn::run(&args),
        #[cfg(feature = "eval")]
        Command::Score(args) => score::run(&args),
        #[cfg(feature = "eval")]
        Command::Embed(args) => embed::run(&args),
        #[cfg(feature = "eval")]
        Command::Sweep(args) => sweep::run(&args),
        Command::Data(args) => data::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Generate(args) => generate::run(&args, <Cli as CommandFactory>::command()),
    };
    match done {
        Ok(()) => 0,
        Err(error) => render::report(&error),
    }
}

/// What is wrong with the arguments, where they hold characters that a terminal would act on: said of the arguments as they are
/// shown. Names of files come from strangers too.
fn spelt_out() -> Option<clap::Error> {
    let given: Vec<String> =
        program::arguments().iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let shown: Vec<String> = given.iter().map(|argument| line(argument)).collect();
    if given == shown { None } else { Cli::try_parse_from(shown).err() }
}

/// The readers of parquet and of tokenizers panic on some damaged files. The panic is caught and becomes an error, and is not
/// shown.
fn hide_caught_panics() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !crate::caught::catches_panics() {
            shown(panic);
        }
    }));
}
