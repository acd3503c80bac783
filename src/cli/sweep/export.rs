//! `admix sweep export`

use std::path::{Path, PathBuf};

use super::finish;
use super::location::StudyArgs;
use crate::cli::output;
use crate::cli::render::{self, Usage};
use crate::escape::json;
use crate::sweep::{Analysis, Depth, TrialStage, journal, to_csv, to_per_query_csv};

/// Write the results of a study for other programs
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix sweep export studies/ko-en --csv trials.csv
  admix sweep export studies/ko-en --json - | jq '.trials[] | select(.front)'
  admix sweep export studies/ko-en --optuna journal.log")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// A line a trial; - is stdout
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// A line a trial, data set and query; - is stdout
    #[arg(long, value_name = "FILE")]
    per_query: Option<PathBuf>,

    /// Everything; - is stdout
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// A journal that Optuna's `JournalFileBackend` reads; - is stdout
    #[arg(long, value_name = "FILE")]
    optuna: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if [&args.csv, &args.per_query, &args.json, &args.optuna].iter().all(|path| path.is_none()) {
        return Err(Usage::with_hint("no form is given", "`--csv trials.csv`, for one").into());
    }
    let study = args.study.open()?;
    let full = Analysis::read(&study, TrialStage::Full, Depth::Intervals)?;
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Intervals)?;
    unfinished(&full);
    let both = [&full, &confirmed];
    if let Some(path) = &args.csv {
        write_text(path, &to_csv(&study, &both))?;
    }
    if let Some(path) = &args.per_query {
        write_text(path, &to_per_query_csv(&study, &both)?)?;
    }
    if let Some(path) = &args.json {
        write_text(path, &(json(&finish::document(&study, &full, &confirmed)?, true) + "\n"))?;
    }
    if let Some(path) = &args.optuna {
        write_text(path, &journal(&study, &full))?;
    }
    Ok(())
}

/// Says how many trials are left out for want of a result.
pub(super) fn unfinished(analysis: &Analysis) {
    let missing = analysis.planned - analysis.rows.len() - analysis.failed.len();
    if missing > 0 {
        render::warn([&format!("{missing} of {} trials have no result yet and are left out", analysis.planned)]);
    }
}

pub(super) fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return render::print_file(text);
    }
    output::write(path, true, |out| Ok(out.write_all(text.as_bytes())?))
}
