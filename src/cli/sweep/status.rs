//! `admix sweep status`

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use super::location::StudyArgs;
use crate::cli::{render, run};
use crate::sweep::{Status, Study};

/// Show where a study stands: counts, workers, the front so far
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix sweep status studies/ko-en
  admix sweep status studies/ko-en --watch
  admix sweep status studies/ko-en --json | jq .done")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Show again every two seconds until everything that is planned is done
    #[arg(short, long)]
    watch: bool,

    /// Print for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.open()?;
    let cancel = run::interruption()?;
    loop {
        let status = Status::of(&study)?;
        if args.json {
            render::print(&format!("{}\n", serde_json::to_string(&status)?))?;
        } else {
            let clear = if args.watch && std::io::stdout().is_terminal() { "\x1b[2J\x1b[H" } else { "" };
            render::print(&format!("{clear}{}", text(&study, &status)))?;
        }
        if !args.watch || status.settled {
            return Ok(());
        }
        for _ in 0..20 {
            if cancel.load(std::sync::atomic::Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn text(study: &Study, status: &Status) -> String {
    let mut out = format!("{}: {} of {} trials done", status.study, status.done, status.planned);
    let mut add = |count: usize, what: &str| {
        if count > 0 {
            let _ = write!(out, ", {count} {what}");
        }
    };
    add(status.running.iter().filter(|running| !running.stale).count(), "running");
    add(status.running.iter().filter(|running| running.stale).count(), "abandoned");
    add(status.failed, "failed");
    if let Some(seconds) = status.seconds_left {
        let _ = write!(out, ", about {seconds:.0} s left");
    }
    if status.confirmed[0] > 0 {
        let _ = write!(out, "; {} of {} confirmed", status.confirmed[1], status.confirmed[0]);
    }
    out.push('\n');
    for running in &status.running {
        let state = if running.stale { "abandoned" } else { "running" };
        let job = running.job.as_ref().map_or_else(String::new, |job| format!(", Slurm job {job}"));
        let _ = writeln!(
            out,
            "  {state}  {} ({})  {}{job}, heard of {:.0} s ago",
            running.label, running.stage, running.worker, running.age
        );
    }
    for (label, values) in &status.front {
        let values: Vec<String> =
            status.objectives.iter().zip(values).map(|(name, value)| format!("{name} {value:.4}")).collect();
        let _ = writeln!(out, "  front  {label}  {}", values.join("  "));
    }
    if status.planned == 0 {
        let _ = writeln!(out, "next: admix sweep worker {}", super::finish::quoted(study.store.root()));
    }
    out
}
