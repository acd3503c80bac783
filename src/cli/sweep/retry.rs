//! `admix sweep retry`

use super::finish::quoted;
use super::location::StudyArgs;
use crate::cli::render;
use crate::escape::Page;
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
        return render::print(&Page::of("no trial has failed"));
    }
    let mut page = Page::of(format_args!("to be tried again: {}", labels.join(", ")));
    render::print(page.whole(format_args!("next: admix sweep worker {}", quoted(study.store.root()))))
}
