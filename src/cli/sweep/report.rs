//! `admix sweep report`

use std::path::PathBuf;

use anyhow::Context as _;

use super::export::write_text;
use super::finish;
use super::location::StudyArgs;
use crate::cli::render;
use crate::report::{figure_files, page, query_texts};
use crate::sweep::{Analysis, Depth, TrialStage};

/// Show the results of a study: a table, an HTML file, figures
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The HTML file holds everything and needs no network.

Examples:
  admix sweep report studies/ko-en
  admix sweep report studies/ko-en -o report.html --svg figures
  admix sweep report studies/ko-en --json | jq .recommendation")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// HTML file to write
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Folder to write figures into, as SVG
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,

    /// Show trials that others beat, too
    #[arg(long)]
    all: bool,

    /// Print for programs, in place of the table
    #[arg(long, conflicts_with_all = ["all", "output", "svg"])]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.open()?;
    if args.json {
        return finish::show_json(&study);
    }
    if args.output.is_none() && args.svg.is_none() {
        return finish::show(&study, args.all);
    }
    let full = Analysis::read(&study, TrialStage::Full, Depth::Intervals)?;
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Intervals)?;
    if let Some(path) = &args.output {
        let (texts, warnings) = query_texts(&study);
        render::warn(&warnings);
        write_text(path, &page(&study, &full, &confirmed, &texts)?)?;
    }
    if let Some(folder) = &args.svg {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        for (name, figure) in figure_files(&study, &full, &confirmed)? {
            write_text(&folder.join(name), &figure)?;
        }
    }
    Ok(())
}
