//! `admix sweep run`

use std::path::PathBuf;
use std::time::Duration;

use super::events::{Limits, drain};
use super::fleet::{self, Fleet};
use super::{finish, location};
use crate::api::write_kept_merges;
use crate::cli::args::level;
use crate::cli::render;
use crate::encoder::Device;
use crate::progress::Cancel;
use crate::sweep::file::{Keep, parse_time};
use crate::sweep::{Ended, warnings};

/// Run a sweep from its file; the same command goes on where it stopped
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix sweep run sweep.yaml
  admix sweep run sweep.yaml --max-time 30m
  admix sweep run sweep.yaml -j 4
  admix sweep run sweep.yaml --devices cuda:0,cuda:1

Any number of `admix sweep worker STUDY` may work beside it, also on other machines that see the
folder.")]
pub(super) struct Args {
    /// Sweep file
    #[arg(value_name = "SWEEP")]
    sweep: PathBuf,

    /// Folder of the study, in place of the sweep file's `store`
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Workers on this machine, each with its share of the processors and a model of its own in memory
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,

    /// Devices with a worker each, as cuda:0,cuda:1
    #[arg(long, value_name = "DEVICES", value_delimiter = ',', conflicts_with = "workers")]
    devices: Vec<Device>,

    /// Begin no trial after this time, as 90s, 45m or 6h, in place of the sweep file's `budget`
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    max_time: Option<Duration>,

    /// Show trials that others beat, too
    #[arg(long)]
    all: bool,

    /// Say nothing but results and errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let fleet = Fleet::new(args.workers.map(usize::from), &args.devices)?;
    let mut parsed = location::read(&args.sweep, args.store.as_ref(), args.quiet)?;
    if let Some(device) = args.devices.first() {
        device.kind().clone_into(&mut parsed.spec.scoring.device);
    }
    let study = location::follow(&parsed, args.quiet)?;
    if !args.quiet {
        render::warn(&warnings(&study.manifest)?);
    }
    let limits = Limits {
        wall: args.max_time.or(parsed.spec.budget.wall),
        trials: None,
        search: true,
        quiet: args.quiet,
        finish: Cancel::new(),
    };
    let ended = if fleet.is_one() { drain(&study, &limits)? } else { fleet::drain(&study, &fleet, &limits)? };
    if ended == Ended::Finished && parsed.spec.keep != Keep::None {
        let written = write_kept_merges(&study, parsed.spec.keep, level()?, &Cancel::new())?;
        let written: Vec<String> = written.iter().map(|folder| folder.display().to_string()).collect();
        if !args.quiet && !written.is_empty() {
            render::say(&format!("merged to {}", written.join(", ")));
        }
    }
    finish::show(&study, args.all)
}
