//! `admix sweep confirm`

use std::time::Duration;

use super::events::{Limits, drain};
use super::finish;
use super::location::StudyArgs;
use crate::progress::Cancel;
use crate::sweep::file::parse_time;
use crate::sweep::{Analysis, Depth, NoRecommendation, Preference, TrialStage, confirm, recommend};

/// Score the front and the parents on the queries that the search has not seen
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The best of many points on the queries that chose it looks better than it is. The held-out queries are
those of `report` in the sweep file, which can be added to a study that has results. What the search promised
and what held-out queries gave is said in points, hundredths of a score.

Examples:
  admix sweep confirm studies/ko-en
  admix sweep confirm sweep.yaml --max-time 30m
  admix sweep confirm studies/ko-en --json | jq .recommendation.optimism")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Begin no trial after this time, as 45m
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    max_time: Option<Duration>,

    /// Print for programs
    #[arg(long)]
    json: bool,

    /// Say nothing but results and errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.join()?;
    let limits =
        |search| Limits { wall: args.max_time, trials: None, search, quiet: args.quiet, finish: Cancel::new() };
    // After a change of the sweep file the scores of the search are taken over first.
    if Analysis::read(&study, TrialStage::Full, Depth::Means)?.rows.len() < study.known_trials()?.len() {
        drain(&study, &limits(true))?;
    }
    let mut known = 0;
    loop {
        let trials = confirm(&study)?.len();
        drain(&study, &limits(false))?;
        let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Means)?;
        let full = Analysis::read(&study, TrialStage::Full, Depth::Means)?;
        // Where held-out queries rule out all of the shortlist, the next points get their turn.
        let found = recommend(&study, &full, &confirmed, &Preference::default())?;
        let is_over = confirmed.rows.len() <= known || confirmed.rows.len() < trials;
        if is_over || !matches!(found, Err(NoRecommendation::Limits(..))) {
            return if args.json { finish::show_json(&study) } else { finish::show(&study, false) };
        }
        known = confirmed.rows.len();
    }
}
