//! `admix sweep pick`

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::export::{unfinished, write_text};
use super::location::StudyArgs;
use crate::api::write_merge;
use crate::cli::args::level;
use crate::cli::schema::{self, What};
use crate::cli::{output, render, run};
use crate::escape::shell;
use crate::report::{card_scores, recommendation};
use crate::sweep::{
    Analysis, Bound, Choice, Depth, Error, Preference, Row, Study, TrialStage, pick, recipe_text, recommend,
    trial_named,
};

/// Write the plain recipe of the recommended point, or of another one
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without options the point is the one that run, report and status recommend: the best on average of those
that lose no more than the limits on any data set and direction. The limits are those of `keep` in the sweep file; where it
sets none, no direction may lose more than 2 %. --keep adds a limit, --prefer makes an objective count more,
--max asks for the best on one objective alone, and --trial takes a point by its label or id.

--choose knee takes the largest sum of the objectives, each scaled to 0..1 over the points that keep the limits: for two
objectives, the point farthest from the line between the best on each. --choose hypervolume takes the largest
product of what the objectives are above their lowest allowed scores, which favours even gains.

A bound with a sign or per cent is from the reference, the first baseline; `mono >= 0.6` is a value.
Where trials are confirmed on held-out queries, a point must keep the limits there, too.

Examples:
  admix sweep pick studies/ko-en -o recipe.yaml
  admix sweep pick studies/ko-en --prefer cross=2 --keep 'en-en >= -1%' --merge merged
  admix sweep pick studies/ko-en --choose knee -o recipe.yaml
  admix sweep pick studies/ko-en --max cross --keep 'mono >= 0.6' -o recipe.yaml
  admix sweep pick studies/ko-en --trial w=0.4")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Objective that is to be as high as possible, whatever the others do within the bounds
    #[arg(long, value_name = "OBJECTIVE", conflicts_with_all = ["trial", "prefer"])]
    max: Option<String>,

    /// Bound on an objective or a direction (repeatable)
    #[arg(long, value_name = "BOUND", conflicts_with = "trial")]
    keep: Vec<Bound>,

    /// Objective that counts so many times as much as the others, as cross=2 (repeatable)
    #[arg(long, value_name = "OBJECTIVE=WEIGHT", conflicts_with = "trial", value_parser = weight)]
    prefer: Vec<(String, f64)>,

    /// What the point is best in, among those that keep the limits: the mean gain, the knee of the trade-off, or the
    /// hypervolume
    #[arg(long, value_name = "HOW", default_value_t, conflicts_with_all = ["trial", "max"], value_parser = choice())]
    choose: Choice,

    /// Point by its label or id, as w=0.4
    #[arg(long, value_name = "TRIAL")]
    trial: Option<String>,

    /// Recipe to write; - is stdout
    #[arg(short, long, value_name = "RECIPE", default_value = "-")]
    output: PathBuf,

    /// Merge into this folder, too
    #[arg(long, value_name = "DIR")]
    merge: Option<PathBuf>,

    /// Replace a recipe and a merge that are there
    #[arg(short, long)]
    force: bool,
}

fn choice() -> impl TypedValueParser<Value = Choice> {
    PossibleValuesParser::new(Choice::ALL.map(Choice::name)).try_map(|name| name.parse())
}

fn weight(text: &str) -> Result<(String, f64), String> {
    let (name, weight) =
        text.split_once('=').ok_or_else(|| "expected an objective and a weight, as cross=2".to_owned())?;
    match weight.trim().parse::<f64>() {
        Ok(weight) if weight.is_finite() && weight >= 0.0 => Ok((name.trim().to_owned(), weight)),
        _ => Err(format!("expected a weight of 0 or more, found `{weight}`")),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.open()?;
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Means)?;
    let full = Analysis::read(&study, TrialStage::Full, Depth::Means)?;
    check_output(args)?;
    let (row, said) = chosen(args, &study, &full, &confirmed)?;
    unfinished(if confirmed.row(&row.trial.id).is_some() { &confirmed } else { &full });
    let mut text = recipe_text(&study, row)?;
    // Before the recipe: where there can be no merge, nothing is written.
    if let Some(out) = &args.merge
        && let Some(recipe) = study.manifest.recipe(&row.trial.subject)?
    {
        let scores = card_scores(&study, &full, &confirmed, row, said.clone())?;
        write_merge(recipe, (out, args.force), &study, &scores, (level()?, &run::interruption()?))?;
    }
    if args.output.as_os_str() != "-" {
        schema::write_beside(&args.output, What::Recipe)?;
        text.insert_str(0, &schema::modeline(What::Recipe));
    }
    write_text(&args.output, &text)?;
    for sentence in said {
        render::say(&sentence);
    }
    if let Some(folder) = &args.merge {
        render::say(&format!("merged to {}", folder.display()));
    } else if args.output.as_os_str() != "-" {
        let recipe = shell(&args.output.display().to_string());
        render::say_command(&format!("next: admix merge {recipe} -o {}", output::free_name("merged", "")));
    }
    Ok(())
}

/// Checks before anything is computed that no file is replaced unasked.
fn check_output(args: &Args) -> anyhow::Result<()> {
    let is_there = |path: &Path| path.as_os_str() != "-" && path.symlink_metadata().is_ok_and(|found| found.is_file());
    if is_there(&args.output) && !args.force {
        let message = format!("`{}` is there already", args.output.display());
        return Err(Error::usage(message, "`--force` replaces it").into());
    }
    Ok(())
}

/// The point that is asked for, and what there is to say about it.
fn chosen<'a>(
    args: &Args,
    study: &Study,
    full: &'a Analysis,
    confirmed: &'a Analysis,
) -> anyhow::Result<(&'a Row, Vec<String>)> {
    let has_points = confirmed.rows.iter().any(|row| row.trial.point().is_some());
    let (analysis, on) = if has_points { (confirmed, "held-out") } else { (full, "the search's") };
    let scores = |row: &Row| {
        let names = study.manifest.spec.objectives.iter().map(|objective| &objective.name);
        let values: Vec<String> =
            names.zip(&row.objectives).map(|(name, value)| format!("{name} {value:.4}")).collect();
        vec![format!("{}: {} on {on} queries", row.trial.label, values.join(", "))]
    };
    if let Some(name) = &args.trial {
        let row = trial_named(analysis, name).or_else(|_| trial_named(full, name))?;
        return Ok((row, scores(row)));
    }
    if let Some(max) = &args.max {
        let row = pick(study, analysis, max, &args.keep)?;
        return Ok((row, scores(row)));
    }
    let preference = Preference { limits: args.keep.clone(), weights: args.prefer.clone(), choice: args.choose };
    let found = recommend(study, full, confirmed, &preference)?;
    let said = recommendation(study, &found, &preference);
    if let Ok(found) = found {
        return Ok((found.row, said));
    }
    let hint = "`--keep 'DIRECTION >= -5%'` sets another limit, `--trial` takes any point by its label";
    let sentence = said.join(" ");
    Err(Error::usage(sentence.trim_end_matches('.').to_owned(), hint).into())
}
