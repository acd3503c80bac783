//! `admix sweep worker`

use std::time::Duration;

use anyhow::Context as _;

use super::events::{Limits, drain};
use super::location::StudyArgs;
use crate::cli::render::{self, Usage};
use crate::encoder::Device;
use crate::progress::Cancel;
use crate::sweep::file::parse_time;
use crate::sweep::{Ended, Study};

/// Work on a study beside other workers, on this or another machine
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Given the sweep file, it makes the study where there is none yet.

Examples:
  admix sweep worker studies/ko-en
  admix sweep worker studies/ko-en --max-time 110m --stop-on USR1
  admix sweep worker studies/ko-en --device cuda:1")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Begin no trial after this time, as 110m
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    max_time: Option<Duration>,

    /// Where to compute: another device of the kind that the study was made for, as cuda:1
    #[arg(long, value_name = "DEVICE")]
    device: Option<Device>,

    /// Begin no trial after so many
    #[arg(long, value_name = "N")]
    max_trials: Option<usize>,

    /// Signals after which the trial that is being done is finished and no other begun
    #[arg(long, value_name = "SIGNAL", value_delimiter = ',', value_parser = ["USR1", "USR2", "TERM", "HUP"])]
    stop_on: Vec<String>,

    /// End when the standard input ends, as that of the run that started it
    #[arg(long, hide = true)]
    end_with_stdin: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if args.end_with_stdin {
        end_with_stdin()?;
    }
    let mut study = args.study.make(args.quiet)?;
    if let Some(device) = args.device {
        on_device(&mut study, device)?;
    }
    let finish = Cancel::new();
    listen(&args.stop_on, &finish)?;
    let limits = Limits { wall: args.max_time, trials: args.max_trials, search: true, quiet: args.quiet, finish };
    let ended = drain(&study, &limits)?;
    if !args.quiet {
        render::say(match ended {
            Ended::Finished => "nothing is left to do",
            Ended::Wall => "the time is up",
            Ended::MaxTrials => "as many trials as asked for are done",
            Ended::Asked => "asked to stop",
        });
    }
    Ok(())
}

/// How long a worker gets to give up its claim when its run is gone.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends this process when its standard input ends: nobody is there to tell of its results.
#[expect(clippy::exit, reason = "a worker that does not end by itself in time is ended")]
fn end_with_stdin() -> anyhow::Result<()> {
    let wait = || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        #[cfg(unix)]
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
        std::thread::sleep(PATIENCE);
        std::process::exit(130);
    };
    std::thread::Builder::new().name("parent".into()).spawn(wait).context("cannot start a thread")?;
    Ok(())
}

/// Has a study computed on another device of its kind.
fn on_device(study: &mut Study, device: Device) -> anyhow::Result<()> {
    let scoring = &mut study.manifest.spec.scoring;
    let own: Device = scoring.device.parse()?;
    if own.kind() != device.kind() {
        return Err(Usage::with_hint(
            format!("the study is made for {own}, and {device} rounds differently"),
            format!("a sweep file with `device: {}` and another `store:` makes a study for it", device.kind()),
        )
        .into());
    }
    scoring.device = device.to_string();
    Ok(())
}

#[cfg(unix)]
fn listen(signals: &[String], finish: &Cancel) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};
    for signal in signals {
        let number = match signal.as_str() {
            "USR1" => SIGUSR1,
            "USR2" => SIGUSR2,
            "HUP" => SIGHUP,
            _ => SIGTERM,
        };
        signal_hook::flag::register(number, finish.flag()).context("cannot handle signals")?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn listen(_: &[String], _: &Cancel) -> anyhow::Result<()> {
    Ok(())
}
