//! `admix merge`

use std::path::PathBuf;

use super::args::{PlanArgs, RecipeArgs, RunArgs};
use super::render::Usage;
use super::run;

/// Merge checkpoints as a recipe says
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix merge recipe.yaml -o merged
  admix merge recipe.yaml merged --force
  admix merge recipe.yaml -o merged --set ratio=0.6 --out-dtype float16
  admix merge stages.yaml -o merged --intermediates stages
  admix merge recipe.yaml -o merged --json | jq .seconds")]
pub(super) struct Args {
    #[command(flatten)]
    recipe: RecipeArgs,

    /// Folder to write; it appears when it is complete
    #[arg(value_name = "OUT", conflicts_with = "out")]
    out_position: Option<PathBuf>,

    /// Folder to write; it appears when it is complete
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,

    /// Also write the merge of every named document of the recipe, as a folder in DIR
    #[arg(long, value_name = "DIR")]
    intermediates: Option<PathBuf>,

    #[command(flatten)]
    plan: PlanArgs,

    #[command(flatten)]
    run: RunArgs,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let out = args.out.as_ref().or(args.out_position.as_ref());
    let Some(out) = out else {
        return Err(Usage::with_hint("no folder to write is given", "`-o OUT` names it").into());
    };
    run::run(args.recipe.read()?, out, args.intermediates.as_deref(), &args.plan, &args.run)
}
