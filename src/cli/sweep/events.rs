//! What a worker says while it works.

use std::time::Duration;

use indicatif::ProgressBar;

use crate::cli::progress::{self, Counted};
use crate::cli::{args, render, run};
use crate::encoder::Device;
use crate::escape::line;
use crate::progress::Cancel;
use crate::report::duration;
use crate::sweep::{Ended, Evaluator, Event, Lease, Options, Scorer, ScoresFrom, Study, TrialStage, work};

/// When a worker stops.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub(super) wall: Option<Duration>,
    pub(super) trials: Option<usize>,
    /// Whether trials of the search are done, or only those to confirm.
    pub(super) search: bool,
    pub(super) quiet: bool,
    /// Set to end after the trial that is being done.
    pub(super) finish: Cancel,
}

/// Works on a study until nothing is left or a limit is met.
pub(super) fn drain(study: &Study, limits: &Limits) -> anyhow::Result<Ended> {
    device_is_built(&study.manifest.spec.scoring.device)?;
    let cancel = run::interruption()?;
    let mut scorer = Scorer::new(study, args::level()?)?;
    drain_with(study, &mut scorer, limits, &cancel)
}

fn drain_with(study: &Study, evaluator: &mut dyn Evaluator, limits: &Limits, cancel: &Cancel) -> anyhow::Result<Ended> {
    let options = Options {
        wall: limits.wall,
        max_trials: limits.trials,
        lease: Lease::default(),
        poll: Duration::from_secs(1),
        cancel,
        finish: &limits.finish,
        search: limits.search,
    };
    let mut talk = EventPrinter::new(study, limits.quiet);
    let ended = work(study, evaluator, options, &mut |event| talk.on(event));
    talk.bar.finish_and_clear();
    Ok(ended?)
}

/// Refuses a device that this build has no code for, before anything is read.
fn device_is_built(device: &str) -> Result<(), crate::encoder::Error> {
    let device: Device = device.parse()?;
    if device.is_built() { Ok(()) } else { Err(crate::encoder::Error::NotBuilt { device }) }
}

/// What a bar says of the time that is left.
pub(super) fn time_left_text(seconds: Option<f64>) -> String {
    seconds.map_or_else(String::new, |seconds| format!(", about {} left", duration(seconds)))
}

/// What is said to people, on stderr.
pub(super) struct EventPrinter<'a> {
    study: &'a Study,
    quiet: bool,
    pub(super) bar: ProgressBar,
}

impl<'a> EventPrinter<'a> {
    /// With a bar of the texts of the trial that is being scored.
    fn new(study: &'a Study, quiet: bool) -> Self {
        Self { study, quiet, bar: progress::bar(Counted::Texts, 0, quiet) }
    }

    /// With a bar of trials, which several workers do.
    pub(super) fn of_trials(study: &'a Study, quiet: bool) -> Self {
        Self { study, quiet, bar: progress::bar(Counted::Trials, 0, quiet) }
    }

    fn say(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| {
                render::say(text);
            });
        }
    }

    pub(super) fn on(&mut self, event: &Event<'_>) {
        match event {
            Event::Generation { stage, trials, notes } => {
                notes.iter().for_each(|note| self.say(note));
                if let TrialStage::Race(step) = stage {
                    self.say(&format!("step {step} of the race: {trials} trials on a sample of the queries"));
                }
            }
            Event::Begun { trial, settled, planned, left, .. } => {
                self.bar.reset();
                let left = time_left_text(*left);
                self.bar.set_message(line(&format!("{} ({}/{planned}){left}", trial.label, settled + 1)));
            }
            Event::Progress { done, all } => {
                self.bar.set_length(*all as u64);
                self.bar.set_position(*done as u64);
            }
            Event::Scored { trial, stage, objectives, seconds, from } => {
                let names = self.study.manifest.spec.objectives.iter().map(|objective| &objective.name);
                let values: Vec<String> = match objectives {
                    Some(values) => names.zip(values).map(|(name, value)| format!("{name} {value:.4}")).collect(),
                    None => vec!["no query counts".to_owned()],
                };
                let place = match stage {
                    TrialStage::Race(step) => format!(" (step {step} of the race)"),
                    TrialStage::Confirm => " (held out)".to_owned(),
                    TrialStage::Full => String::new(),
                };
                let how = match from {
                    ScoresFrom::Scoring => format!("{seconds:.1} s"),
                    ScoresFrom::Twin => "same weights as an earlier trial".to_owned(),
                    ScoresFrom::Earlier => "scored before the sweep file changed".to_owned(),
                };
                self.say(&format!("{}{place}  {}  {how}", trial.label, values.join("  ")));
            }
            Event::Failed { trial, attempt, error } => {
                self.say(&format!("{} failed ({} of 3): {error}", trial.label, attempt + 1));
            }
            Event::Differs { trial, by } => {
                self.say(&format!(
                    "warning: another worker has other scores for {}, by {by:.5}; the first stay",
                    trial.label
                ));
            }
            Event::Waiting => self.say("other workers have what is left; waiting"),
        }
    }
}
