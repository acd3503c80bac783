//! Merges that end early: by SIGKILL at any moment, by Ctrl-C, beside another run for the same output.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::support::{Tensor, mix, names, program, read_tensors, run, stderr, tensors, write_model};

/// Rows and columns of the large models' one tensor: 48 MB.
const SHAPE: [usize; 2] = [12_000, 1000];
/// How often each of the two large models is merged in, so that a merge takes a while.
const TIMES: usize = 8;

/// A folder with two large models, a recipe that takes its time, and a small recipe.
struct Workplace {
    folder: TempDir,
    /// The weights of an undisturbed merge.
    expected: Vec<u8>,
}

impl Workplace {
    fn new() -> Self {
        let folder = super::support::pair();
        let path = folder.path();
        fs::rename(path.join("recipe.yaml"), path.join("small.yaml")).unwrap();
        let mut recipe = String::from("merge_method: linear\nparameters: {weight: 0.0625}\nmodels:\n");
        for (model, value) in [("one", 1.0), ("two", 3.0)] {
            // No element is zero: a part of the output that is not written yet can be told by its zeros.
            let count = SHAPE.iter().product::<usize>() as u32;
            let values = (0..count).map(|index| value + f64::from(mix(index, 5) % 1024) / 1024.0);
            let tensor = Tensor::floats(safetensors::Dtype::F32, &SHAPE, values);
            write_model(&path.join(model), &tensors([("embeddings.weight", tensor)]));
            for index in 0..TIMES {
                let copy = path.join(format!("{model}-{index}"));
                fs::create_dir(&copy).unwrap();
                for entry in fs::read_dir(path.join(model)).unwrap() {
                    let entry = entry.unwrap();
                    fs::hard_link(entry.path(), copy.join(entry.file_name())).unwrap();
                }
                writeln!(recipe, "  - model: {model}-{index}").unwrap();
            }
        }
        fs::write(path.join("large.yaml"), recipe).unwrap();
        run(path, &["merge", "large.yaml", "-q", "--no-sync", "-o", "undisturbed"]);
        let expected = fs::read(path.join("undisturbed/model.safetensors")).unwrap();
        fs::remove_dir_all(path.join("undisturbed")).unwrap();
        fs::create_dir(path.join("parent")).unwrap();
        Self { folder, expected }
    }

    fn parent(&self) -> PathBuf {
        self.folder.path().join("parent")
    }

    /// Starts the large merge on one thread.
    fn start(&self, more: &[&str]) -> Child {
        Command::new(program())
            .args(["merge", "large.yaml", "-o", "parent/out", "--threads", "1"])
            .args(more)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits until the byte at `offset` of the unfinished weights is written, or the run ends. Says which.
    fn wait_for(&self, run: &mut Child, offset: u64) -> bool {
        loop {
            if self.unfinished().is_some_and(|file| byte(&file.join("model.safetensors"), offset) != 0) {
                return true;
            }
            if run.try_wait().unwrap().is_some() {
                return false;
            }
            sleep(Duration::from_micros(100));
        }
    }

    /// The unfinished folder of the run.
    fn unfinished(&self) -> Option<PathBuf> {
        let name = names(&self.parent()).into_iter().find(|name| name.starts_with(".out.admix-"))?;
        Some(self.parent().join(name))
    }

    /// Whether a killed run left weights of which a part was written and a part was not.
    fn was_writing(&self) -> bool {
        let Some(file) = self.unfinished().map(|folder| folder.join("model.safetensors")) else { return false };
        let end = self.expected.len() as u64;
        file.is_file() && byte(&file, end - DATA + 3) != 0 && byte(&file, end - 1) == 0
    }

    /// Holds that the output, if it is there, is whole.
    fn holds_nothing_incomplete(&self) {
        let out = self.parent().join("out");
        if out.exists() {
            assert!(fs::read(out.join("model.safetensors")).unwrap() == self.expected, "an incomplete output");
            assert!(out.join("config.json").is_file() && out.join("admix.json").is_file());
            fs::remove_dir_all(out).unwrap();
        }
    }
}

/// Bytes of the large tensor.
const DATA: u64 = (SHAPE[0] * SHAPE[1] * 4) as u64;

/// A byte of a file; zero where there is none.
fn byte(file: &Path, offset: u64) -> u8 {
    let mut byte = [0];
    match File::open(file).and_then(|file| file.read_exact_at(&mut byte, offset)) {
        Ok(()) => byte[0],
        Err(_) => 0,
    }
}

fn signal(run: &Child, signal: Signal) {
    kill_process(Pid::from_child(run), signal).unwrap();
}

#[test]
fn a_killed_run_leaves_no_incomplete_output_and_the_next_run_cleans_up() {
    let work = Workplace::new();
    // Not every attempt is a kill: a run may end before its moment has come.
    let (mut attempts, mut kills, mut writing) = (0, 0, 0);
    while kills < 50 || writing < 40 {
        assert!(attempts < 500, "of {kills} kills only {writing} hit a run that was writing");
        let seed = mix(attempts, 99);
        // Any moment: before the first byte, after the last, during the final sync.
        let anywhere = attempts % 8 == 7;
        attempts += 1;
        // Otherwise without that sync, which on a busy disk takes far longer than the merge.
        let mut run = work.start(if anywhere { &[] } else { &["--no-sync"] });
        if anywhere {
            sleep(Duration::from_millis(u64::from(seed % 150)));
        } else {
            // The highest byte of each element is written last, and is never zero.
            let element = u64::from(seed) % (DATA / 4 * 9 / 10);
            work.wait_for(&mut run, work.expected.len() as u64 - DATA + 4 * element + 3);
        }
        run.kill().unwrap();
        if run.wait().unwrap().signal() == Some(9) {
            kills += 1;
            writing += u32::from(work.was_writing());
        }
        work.holds_nothing_incomplete();
        // The next run for the same output, here a small one.
        super::support::run(work.folder.path(), &["merge", "small.yaml", "-q", "--no-sync", "-o", "parent/out"]);
        assert_eq!(names(&work.parent()), ["out"]);
        assert_eq!(read_tensors(&work.parent().join("out/model.safetensors")).len(), 5);
        fs::remove_dir_all(work.parent().join("out")).unwrap();
    }
    assert!(work.start(&["--no-sync"]).wait().unwrap().success());
    assert_eq!(names(&work.parent()), ["out"]);
    work.holds_nothing_incomplete();
}

#[test]
fn a_run_beside_a_live_one_leaves_it_alone() {
    let work = Workplace::new();
    let mut first = work.start(&["--no-sync"]);
    assert!(work.wait_for(&mut first, work.expected.len() as u64 - DATA + 3));
    signal(&first, Signal::STOP);
    let live = work.unfinished().unwrap();
    // A left-over of a run that was killed, beside the folder of a run that lives.
    let left_over = work.parent().join(".out.admix-1-0");
    fs::create_dir(&left_over).unwrap();
    assert!(work.start(&["--no-sync"]).wait().unwrap().success(), "the second run");
    assert!(live.exists() && !left_over.exists());
    signal(&first, Signal::CONT);
    let loser = first.wait_with_output().unwrap();
    assert_eq!(loser.status.code(), Some(2));
    assert!(stderr(&loser).contains("`parent/out` already exists"), "{}", stderr(&loser));
    assert_eq!(names(&work.parent()), ["out"]);
    work.holds_nothing_incomplete();
}

#[test]
fn an_interrupted_run_leaves_nothing() {
    let work = Workplace::new();
    for name in [Signal::INT, Signal::TERM] {
        let mut run = work.start(&["--no-sync"]);
        assert!(work.wait_for(&mut run, work.expected.len() as u64 - DATA + 3));
        signal(&run, name);
        let ended = run.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(130), "{name:?}: {}", stderr(&ended));
        assert!(stderr(&ended).contains("interrupted"), "{}", stderr(&ended));
        assert!(names(&work.parent()).is_empty(), "{:?}", names(&work.parent()));
    }
}

#[test]
fn of_runs_that_start_at_once_one_wins_and_the_others_leave_nothing() {
    let folder = super::support::pair();
    for round in 0..25 {
        let out = format!("parent/out-{round}");
        let start = |_| {
            let mut command = Command::new(program());
            command.args(["merge", "recipe.yaml", "--no-sync", "-o", &out]).current_dir(folder.path());
            command.stderr(Stdio::piped()).spawn().unwrap()
        };
        let runs: Vec<Child> = (0..12).map(start).collect();
        let ended: Vec<_> = runs.into_iter().map(|run| run.wait_with_output().unwrap()).collect();
        let winners = ended.iter().filter(|run| run.status.success()).count();
        let refused = |run: &&std::process::Output| stderr(run).contains(&format!("`{out}` already exists"));
        let losers = ended.iter().filter(refused).count();
        let said = ended.iter().map(stderr).collect::<String>();
        assert_eq!((winners, losers), (1, 11), "{said}");
        assert_eq!(names(&folder.path().join("parent")).len(), round + 1, "{said}");
    }
}
