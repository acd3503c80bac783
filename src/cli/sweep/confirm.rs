//! `admix sweep confirm`

use std::sync::Arc;
use std::time::Duration;

use super::events::{Limits, drain};
use super::finish;
use super::location::StudyArgs;
use crate::sweep::file::parse_time;
use crate::sweep::{Analysis, Depth, NoRecommendation, Preference, TrialStage, confirm, recommend};

/// Score the front and the parents on the queries that the search has not seen
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The best of many points on the queries that chose it looks better than it is. The held-out queries are
those of `report` in the sweep file.

Examples:
  admix sweep confirm studies/ko-en
  admix sweep confirm sweep.yaml --max-time 30m")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Begin no trial after this time, as 45m
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    max_time: Option<Duration>,

    /// Say nothing but results and errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.join()?;
    let mut known = 0;
    loop {
        let trials = confirm(&study)?.len();
        let limits =
            Limits { wall: args.max_time, trials: None, search: false, quiet: args.quiet, finish: Arc::default() };
        drain(&study, &limits)?;
        let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Means)?;
        let full = Analysis::read(&study, TrialStage::Full, Depth::Means)?;
        // Where held-out queries rule out all of the shortlist, the next points get their turn.
        let found = recommend(&study, &full, &confirmed, &Preference::default())?;
        let is_over = confirmed.rows.len() <= known || confirmed.rows.len() < trials;
        if is_over || !matches!(found, Err(NoRecommendation::Limits(..))) {
            return finish::show(&study, false);
        }
        known = confirmed.rows.len();
    }
}
