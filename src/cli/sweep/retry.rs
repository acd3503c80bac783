//! `admix sweep retry`

use super::finish::quoted;
use super::location::StudyArgs;
use crate::cli::render;
use crate::sweep::retry;

/// Have failed trials tried again
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix sweep retry studies/ko-en && admix sweep run sweep.yaml")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.join()?;
    let labels = retry(&study)?;
    if labels.is_empty() {
        return render::print("no trial has failed\n");
    }
    render::print(&format!(
        "to be tried again: {}\nnext: admix sweep worker {}\n",
        labels.join(", "),
        quoted(study.store.root())
    ))
}
