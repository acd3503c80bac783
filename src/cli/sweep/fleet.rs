//! Several workers on this machine, each a process of its own with its share of the processors.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::events::{EventPrinter, Limits, time_left_text};
use crate::cli::program;
use crate::cli::render;
use crate::cli::render::Usage;
use crate::cli::run;
use crate::diagnose::Diagnose as _;
use crate::encoder::Device;
use crate::progress::Cancel;
use crate::sweep::{self, Ended, Error, Event, Lease, Results, Schedule, ScoresFrom, Study, time_left};

/// How often the parent looks at what its workers did.
const LOOK: Duration = Duration::from_millis(200);

/// How often the time that is left is reckoned where no trial was finished.
const TIMED: Duration = Duration::from_secs(5);

/// How long workers get to end by themselves when the sweep is interrupted.
const PATIENCE: Duration = Duration::from_secs(2);

/// The workers that a run has.
#[derive(Clone, Debug, Default)]
pub(super) struct Fleet {
    /// One entry a worker: where it computes, in place of the study's device.
    seats: Vec<Option<Device>>,
}

impl Fleet {
    /// One worker for each device, or so many on the study's device; one without both.
    pub(super) fn new(workers: Option<usize>, devices: &[Device]) -> Result<Self, Usage> {
        if let Some(twice) = (1..devices.len()).find(|index| devices[..*index].contains(&devices[*index])) {
            let message = format!("the device {} is given twice", devices[twice]);
            return Err(Usage::with_hint(message, "several workers on one device are `-j N`"));
        }
        if let Some(device) = devices.iter().find(|device| !device.is_built()) {
            let error = crate::encoder::Error::NotBuilt { device: *device };
            let hint = error.hint().unwrap_or_default();
            return Err(Usage::with_hint(error.to_string(), hint));
        }
        if let Some(other) = devices.iter().find(|device| device.kind() != devices[0].kind()) {
            let message = format!("{} and {other} round differently, and a study has one kind of device", devices[0]);
            return Err(Usage::with_hint(message, "as `--devices cuda:0,cuda:1`"));
        }
        let seats = if devices.is_empty() {
            vec![None; workers.unwrap_or(1)]
        } else {
            devices.iter().copied().map(Some).collect()
        };
        Ok(Self { seats })
    }

    /// Whether it is one worker, which needs no process of its own.
    pub(super) fn is_one(&self) -> bool {
        self.seats.len() <= 1 && self.seats.iter().all(Option::is_none)
    }
}

/// Works on a study with several processes until nothing is left or a limit is met.
pub(super) fn drain(study: &Study, fleet: &Fleet, limits: &Limits) -> anyhow::Result<Ended> {
    let cancel = run::interruption()?;
    let mut workers = Workers { running: Vec::new() };
    for device in &fleet.seats {
        workers.running.push(Worker::start(study, *device, threads(fleet.seats.len()), limits)?);
    }
    let mut watch = Watch::new(study, limits.quiet)?;
    let result = workers.wait(&mut watch, &cancel);
    watch.talk.bar.finish_and_clear();
    result
}

/// The threads of each worker.
fn threads(workers: usize) -> usize {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|count| count.parse().ok()).filter(|count| *count > 0);
    let all = asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    (all / workers.max(1)).max(1)
}

/// A worker's process.
struct Worker {
    child: Child,
    /// The other end of what it reads, which closes with this process.
    _open: Option<ChildStdin>,
    /// What it says: nothing, or why it ended.
    said: Option<JoinHandle<String>>,
}

impl Worker {
    fn start(study: &Study, device: Option<Device>, threads: usize, limits: &Limits) -> anyhow::Result<Self> {
        let program = program::file().context("cannot find this program's own file")?;
        let mut command = Command::new(program);
        command.args(["sweep", "worker", "--quiet"]).arg(study.store.root());
        command.env("RAYON_NUM_THREADS", threads.to_string()).env("NO_COLOR", "1");
        if let Some(device) = device {
            command.args(["--device", &device.to_string()]);
        }
        if let Some(wall) = limits.wall {
            command.args(["--max-time", &format!("{}s", wall.as_secs_f64())]);
        }
        // A worker ends when its standard input does: with this process, however it ends.
        command.arg("--end-with-stdin");
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("cannot start a worker")?;
        let (stderr, open) = (child.stderr.take(), child.stdin.take());
        let said = std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.map(|stderr| stderr.take(64 * 1024).read_to_end(&mut said));
            String::from_utf8_lossy(&said).into_owned()
        });
        Ok(Self { child, _open: open, said: Some(said) })
    }

    fn end(&self) {
        #[cfg(unix)]
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

/// The processes; none outlives the run.
struct Workers {
    running: Vec<Worker>,
}

impl Workers {
    fn wait(&mut self, watch: &mut Watch<'_>, cancel: &Cancel) -> anyhow::Result<Ended> {
        let mut failure: Option<anyhow::Error> = None;
        let (mut killed, mut ended) = (0, 0);
        let mut asked: Option<Instant> = None;
        while !self.running.is_empty() {
            std::thread::sleep(LOOK);
            watch.look()?;
            for index in (0..self.running.len()).rev() {
                let Some(status) = self.running[index].child.try_wait().context("cannot wait for a worker")? else {
                    continue;
                };
                let mut worker = self.running.swap_remove(index);
                let said = worker.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
                match status.code() {
                    Some(0) => ended += 1,
                    None => killed += 1,
                    Some(code) => {
                        failure = failure.or_else(|| Some(failed(code, &said)));
                        // What one meets, all would.
                        self.running.iter().for_each(Worker::end);
                    }
                }
            }
            if cancel.is_cancelled() {
                let since = *asked.get_or_insert_with(Instant::now);
                if since.elapsed() > PATIENCE {
                    self.running.iter().for_each(Worker::end);
                }
            }
        }
        watch.look()?;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled.into());
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        if killed > 0 && ended == 0 {
            anyhow::bail!("the system killed every worker; fewer of them (`-j`) need less memory");
        }
        if killed > 0 {
            render::say(&format!("warning: the system killed {killed} of the workers; the others did their trials"));
        }
        Ok(if watch.is_settled() { Ended::Finished } else { Ended::Wall })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.running {
            worker.end();
            let _ = worker.child.wait();
        }
    }
}

/// The error of a worker that ended by one.
fn failed(code: i32, said: &str) -> anyhow::Error {
    let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
    let (message, hint) = (line("error: "), line("hint: "));
    match (code, message) {
        (130, _) => Error::Cancelled.into(),
        (4, Some(message)) => Error::Evaluation { message, hint }.into(),
        (2, Some(message)) => Error::Usage { message, hint }.into(),
        (_, Some(message)) => anyhow::anyhow!("a worker ended: {message}"),
        (_, None) => anyhow::anyhow!("a worker ended with exit code {code}"),
    }
}

/// Says what the workers record.
struct Watch<'a> {
    study: &'a Study,
    schedule: Schedule,
    results: Results,
    talk: EventPrinter<'a>,
    announced: usize,
    /// Results and failures that were there before, or were told of.
    told: BTreeSet<String>,
    /// What was seen of the workers' claims.
    claims: sweep::Watch,
    /// When the time that is left was reckoned, and after how many trials.
    timed: Option<(Instant, usize)>,
}

impl<'a> Watch<'a> {
    fn new(study: &'a Study, quiet: bool) -> Result<Self, Error> {
        let results = Results::read(study)?;
        let failures =
            results.failures.values().flatten().map(|failure| name(&failure.trial, &failure.stage, failure.attempt));
        let told = results.done.keys().cloned().chain(failures).collect();
        let schedule = Schedule::read(&study.store)?;
        let announced = schedule.search.len();
        let talk = EventPrinter::of_trials(study, quiet);
        Ok(Self { study, schedule, results, talk, announced, told, claims: sweep::Watch::default(), timed: None })
    }

    fn look(&mut self) -> Result<(), Error> {
        self.results.refresh(self.study)?;
        self.schedule.refresh(&self.study.store)?;
        for generation in self.schedule.search.iter().skip(self.announced) {
            let (stage, trials) = (generation.stage, generation.trials.len());
            self.talk.on(&Event::Generation { stage, trials, notes: &generation.notes });
        }
        self.announced = self.schedule.search.len();
        let trials = self.schedule.trials();
        let mut settled = 0;
        for (trial, stage) in &trials {
            let key = trial.key(*stage);
            settled += usize::from(self.results.is_settled(&key));
            for failure in self.results.failures.get(&key).into_iter().flatten() {
                if self.told.insert(name(&failure.trial, &failure.stage, failure.attempt)) {
                    self.talk.on(&Event::Failed { trial, attempt: failure.attempt, error: &failure.error });
                }
            }
            let Some(done) = self.results.done.get(&key).filter(|_| !self.told.contains(&key)) else { continue };
            self.talk.on(&Event::Scored {
                trial,
                stage: *stage,
                objectives: self.study.manifest.objectives_of(done),
                seconds: done.timings.total,
                from: match (done.timings.encode > 0.0, done.timings.merge > 0.0) {
                    (true, _) => ScoresFrom::Scoring,
                    (false, true) => ScoresFrom::Twin,
                    (false, false) => ScoresFrom::Earlier,
                },
            });
            self.told.insert(key);
        }
        self.talk.bar.set_length(trials.len() as u64);
        self.talk.bar.set_position(settled as u64);
        if self.timed.is_none_or(|(at, of)| of != settled || at.elapsed() >= TIMED) {
            self.timed = Some((Instant::now(), settled));
            let claims = self.study.store.claims(Lease::default(), &mut self.claims)?;
            let left = time_left(&self.study.manifest, &self.schedule, &self.results, &claims);
            self.talk.bar.set_message(time_left_text(left));
        }
        Ok(())
    }

    fn is_settled(&self) -> bool {
        Schedule::is_settled(self.schedule.all(), &self.results)
    }
}

fn name(trial: &str, stage: &str, attempt: usize) -> String {
    format!("{trial}.{stage} {attempt}")
}
