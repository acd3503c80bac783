//! `admix sweep status`

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use super::location::StudyArgs;
use crate::cli::{render, run, units};
use crate::escape::Page;
use crate::report::duration;
use crate::sweep::{Status, Study, Watch};

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
    let mut watch = Watch::default();
    loop {
        let status = Status::of(&study, &mut watch)?;
        if args.json {
            render::print_json_line(&serde_json::to_value(&status)?)?;
        } else {
            if args.watch && std::io::stdout().is_terminal() {
                render::clear()?;
            }
            render::print(&text(&study, &status))?;
        }
        if !args.watch || status.settled {
            return Ok(());
        }
        for _ in 0..20 {
            if cancel.is_cancelled() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn text(study: &Study, status: &Status) -> Page {
    let mut first = format!("{}: {} of {} trials done", status.study, status.done, status.planned);
    let mut add = |count: usize, what: &str| {
        if count > 0 {
            let _ = write!(first, ", {count} {what}");
        }
    };
    add(status.running.iter().filter(|running| !running.stale).count(), "running");
    add(status.running.iter().filter(|running| running.stale).count(), "abandoned");
    add(status.failed, "failed");
    if let Some(seconds) = status.seconds_left {
        let _ = write!(first, ", about {} left", duration(seconds));
    }
    if status.confirmed[0] > 0 {
        let _ = write!(first, "; {} of {} confirmed", status.confirmed[1], status.confirmed[0]);
    }
    let mut out = Page::of(first);
    if status.encoded_tokens > 0 {
        out.line(format_args!("  {} tokens encoded", units::count(status.encoded_tokens)));
    }
    for running in &status.running {
        let state = if running.stale { "abandoned" } else { "running" };
        let job = running.job.as_ref().map_or_else(String::new, |job| format!(", Slurm job {job}"));
        let heard = match running.age {
            Some(age) => format!("heard of {age:.0} s ago"),
            None => "heard of at a time that is still to come".to_owned(),
        };
        out.line(format_args!("  {state}  {} ({})  {}{job}, {heard}", running.label, running.stage, running.worker));
    }
    for (label, values) in &status.front {
        let values: Vec<String> =
            status.objectives.iter().zip(values).map(|(name, value)| format!("{name} {value:.4}")).collect();
        out.line(format_args!("  front  {label}  {}", values.join("  ")));
    }
    if status.planned == 0 {
        out.whole(format_args!("next: admix sweep worker {}", super::finish::quoted(study.store.root())));
    }
    out
}
