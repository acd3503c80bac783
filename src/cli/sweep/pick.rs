//! `admix sweep pick`

use std::path::PathBuf;

use super::export::{put, unfinished};
use super::location::StudyArgs;
use crate::api::write_merge;
use crate::cli::args::level;
use crate::cli::schema::{self, What};
use crate::cli::{render, run};
use crate::sweep::{Analysis, Bound, Depth, Stage, pick, recipe_text};

/// Write the plain recipe of the point that is best on one objective and keeps the others
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A bound with a sign or per cent is from the reference, the first baseline; `mono >= 0.6` is a value.
Where trials are confirmed on held-out queries, their scores there decide.

Examples:
  admix sweep pick studies/ko-en --max cross --keep 'mono >= -1%' -o recipe.yaml
  admix sweep pick studies/ko-en --max cross --keep 'mono >= 0.6' -o recipe.yaml --merge merged")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Objective that is to be as high as possible
    #[arg(long, value_name = "OBJECTIVE")]
    max: String,

    /// Bound on another objective (repeatable)
    #[arg(long, value_name = "BOUND")]
    keep: Vec<Bound>,

    /// Recipe to write; - is stdout
    #[arg(short, long, value_name = "RECIPE", default_value = "-")]
    output: PathBuf,

    /// Merge into this folder, too
    #[arg(long, value_name = "DIR")]
    merge: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.open()?;
    let confirmed = Analysis::read(&study, Stage::Confirm, Depth::Means)?;
    let full = Analysis::read(&study, Stage::Full, Depth::Means)?;
    let has_points = confirmed.rows.iter().any(|row| row.trial.point().is_some());
    let (analysis, on) = if has_points { (&confirmed, "held-out") } else { (&full, "the search's") };
    let row = pick(&study, analysis, &args.max, &args.keep)?;
    unfinished(analysis);
    let mut text = recipe_text(&study, row)?;
    if args.output.as_os_str() != "-" {
        schema::put_beside(&args.output, What::Recipe)?;
        text.insert_str(0, &schema::modeline(What::Recipe));
    }
    put(&args.output, &text)?;
    if let Some(out) = &args.merge
        && let Some(recipe) = study.frozen.recipe(&row.trial.subject)?
    {
        write_merge(recipe, out, &study, level()?, &run::interruption()?)?;
    }
    let names = study.frozen.spec.objectives.iter().map(|objective| &objective.name);
    let values: Vec<String> = names.zip(&row.objectives).map(|(name, value)| format!("{name} {value:.4}")).collect();
    render::say(&format!("{}: {} on {on} queries", row.trial.label, values.join(", ")));
    Ok(())
}
