//! `admix sweep`

mod check;
mod compare;
mod confirm;
mod events;
mod export;
mod extend;
mod finish;
mod fleet;
mod location;
mod pick;
mod plan;
mod report;
mod retry;
mod run;
mod slurm;
mod status;
mod worker;

use clap::Subcommand;

/// Find the ratio: merge at many points in memory, score each, show the trade-off, pick one
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix sweep run sweep.yaml
  admix sweep confirm studies/ko-en
  admix sweep pick studies/ko-en --max cross --keep 'mono >= -1%' -o recipe.yaml")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::Args),
    Run(run::Args),
    Worker(worker::Args),
    Status(status::Args),
    Check(check::Args),
    Retry(retry::Args),
    Extend(extend::Args),
    Confirm(confirm::Args),
    Report(report::Args),
    Compare(compare::Args),
    Export(export::Args),
    Pick(pick::Args),
    Slurm(slurm::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::Plan(args) => plan::run(args),
        Command::Run(args) => run::run(args),
        Command::Worker(args) => worker::run(args),
        Command::Status(args) => status::run(args),
        Command::Check(args) => check::run(args),
        Command::Retry(args) => retry::run(args),
        Command::Extend(args) => extend::run(args),
        Command::Confirm(args) => confirm::run(args),
        Command::Report(args) => report::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Export(args) => export::run(args),
        Command::Pick(args) => pick::run(args),
        Command::Slurm(args) => slurm::run(args),
    }
}
