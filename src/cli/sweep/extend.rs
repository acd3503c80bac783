//! `admix sweep extend`

use super::finish::quoted;
use super::location::StudyArgs;
use crate::cli::args::assignment;
use crate::cli::render::{self, Usage};
use crate::escape::Page;
use crate::sweep::extend;
use crate::sweep::file::parse_axis;

/// Add points to a study; what it has is not done again
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix sweep extend studies/ko-en -p w=0.35:0.65:0.05
  admix sweep extend studies/ko-en -p w=0.42,0.44
  admix sweep extend studies/soup -p simplex=0.1
  admix sweep extend studies/soup -p a=0.4:0.6:0.05 -p b=0.2,0.3

Of variables that sum to 1 all but one are given values, and that one is the rest; or all get a
step.")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Values of a variable: MIN:MAX:STEP, or some with commas between them (repeatable)
    #[arg(short, long = "param", value_name = "NAME=VALUES", value_parser = assignment, required = true)]
    params: Vec<(String, String)>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let axes = args.params.iter().map(|(name, values)| {
        parse_axis(name, values).map_err(|message| Usage::with_hint(message, "as `-p w=0.35:0.65:0.05`"))
    });
    let axes = axes.collect::<Result<Vec<_>, _>>()?;
    let study = args.study.join()?;
    let count = extend(&study, &axes)?;
    let points = if count == 1 { "point" } else { "points" };
    let mut page = Page::of(format_args!("{count} new {points}"));
    render::print(page.whole(format_args!("next: admix sweep worker {}", quoted(study.store.root()))))
}
