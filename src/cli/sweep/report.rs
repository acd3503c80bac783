//! `admix sweep report`

use super::finish;
use super::location::StudyArgs;

/// Show the results of a study as a table
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix sweep report studies/ko-en
  admix sweep report studies/ko-en --all")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Show trials that others beat, too
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    finish::show(&args.study.open()?, args.all)
}
