//! Workers that are killed at random moments, alone and beside others.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::fake::{Fake, recorded, run, study};
use crate::eval::draw;
use crate::sweep::study::Results;
use crate::sweep::{Analysis, Depth, Status, Study, TrialStage, Watch};

/// Names the folder of the study that a worker process works on.
const FOLDER: &str = "ADMIX_TEST_STUDY";

/// Has the process only read the study, and write what it found into its current folder.
const READ: &str = "ADMIX_TEST_READ";

/// A search over several generations, so that workers also plan.
const SPEC: &str = "search: racing\n";

/// What a worker process runs; in a plain run of the tests it does nothing.
#[test]
fn worker_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    if std::env::var_os(READ).is_some() {
        let study = Study::open(&Path::new(&folder).join("study")).unwrap();
        let analysis = Analysis::read(&study, TrialStage::Full, Depth::Tests).unwrap();
        let found = format!("{} {}", analysis.rows.len(), Status::of(&study, &mut Watch::default()).unwrap().done);
        std::fs::write("read", found).unwrap();
        return;
    }
    let study = study(Path::new(&folder), SPEC);
    run(&study, &mut Fake { time: Duration::from_millis(8), ..Fake::new(&study) }).unwrap();
}

fn worker(folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sweep::tests::killed::worker_process", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn undisturbed() -> String {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), SPEC);
    run(&study, &mut Fake::new(&study)).unwrap();
    recorded(&study)
}

fn random(seed: u64, index: u64, below: u64) -> Duration {
    Duration::from_millis(draw(seed, index) % below)
}

#[test]
fn fifty_kills_change_nothing() {
    let expected = undisturbed();
    let (mut kills, mut study_number) = (0, 0_u64);
    while kills < 50 {
        study_number += 1;
        let folder = tempfile::tempdir().unwrap();
        let study = study(folder.path(), SPEC);
        // On a busy machine a worker needs longer to begin: it lives longer from kill to kill, or none would get anywhere.
        for life in 0.. {
            let mut child = worker(folder.path());
            std::thread::sleep(Duration::from_millis(5) + random(study_number, kills, 60 + 20 * life));
            let _ = child.kill();
            let status = child.wait().unwrap();
            if status.success() {
                break;
            }
            kills += 1;
        }
        holds(&study, &expected);
    }
}

#[test]
fn four_workers_of_which_some_are_killed_do_what_one_does() {
    let expected = undisturbed();
    for round in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let study = study(folder.path(), SPEC);
        let mut workers: Vec<Child> = (0..4).map(|_| worker(folder.path())).collect();
        for kill in 0..6 {
            std::thread::sleep(random(100 + round, kill, 50));
            let victim = (draw(200 + round, kill) % 4) as usize;
            let _ = workers[victim].kill();
            workers[victim].wait().unwrap();
            workers[victim] = worker(folder.path());
        }
        let until = Instant::now() + Duration::from_secs(180);
        for worker in &mut workers {
            while worker.try_wait().unwrap().is_none() {
                assert!(Instant::now() < until, "a worker waits for ever");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        holds(&study, &expected);
    }
}

/// Runs a script in a folder in which file systems may be mounted; `None` where that is not permitted. `WORK` in it runs a
/// worker process on the study in the folder `m`.
fn with_mounts(folder: &Path, script: &str) -> Option<String> {
    let test = std::env::current_exe().unwrap();
    let work = format!("'{}' --exact sweep::tests::killed::worker_process --nocapture 2>&1", test.display());
    let script =
        format!("mkdir m && mount -t tmpfs -o size=160k none m && echo mounted && {}", script.replace("WORK", &work));
    for namespace in [["-m", "--propagation=private"].as_slice(), &["-r", "-m", "--propagation=private"]] {
        let _ = std::fs::remove_dir(folder.join("m"));
        let mut run = Command::new("unshare");
        let run = run.args(namespace).args(["sh", "-c", &script]).current_dir(folder).env(FOLDER, folder.join("m"));
        let said = run.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        if let Ok(said) = said
            && said.starts_with("mounted")
        {
            return Some(said);
        }
    }
    None
}

#[test]
fn a_full_disk_ends_a_worker_and_the_next_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let script = "WORK; echo code $?; mount -o remount,size=20m m && WORK; echo code $?; cp -r m out";
    let Some(said) = with_mounts(folder.path(), script) else { return };
    assert!(said.contains("No space left on device") && said.contains("code 101"), "{said}");
    assert!(said.contains("code 0"), "{said}");
    let study = Study::open(&folder.path().join("out/study")).unwrap();
    holds(&study, &undisturbed());
}

#[test]
fn a_study_on_a_read_only_mount_is_read_and_not_worked_on() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        format!("mount -o remount,size=20m m && WORK; mount -o remount,ro m && WORK; echo code $?; {READ}=1 WORK");
    let Some(said) = with_mounts(folder.path(), &script) else { return };
    assert!(said.contains("Read-only file system") && said.contains("code 101"), "{said}");
    let read = std::fs::read_to_string(folder.path().join("read")).unwrap();
    let (rows, done) = read.split_once(' ').unwrap();
    assert!(rows.parse::<usize>().unwrap() > 2 && done.parse::<usize>().unwrap() > 13, "{read}");
}

/// Checks that the records are those of an undisturbed run, and that nothing else is left but unfinished files.
fn holds(study: &Study, expected: &str) {
    assert_eq!(recorded(study), expected);
    assert!(study.store.list("claim").unwrap().is_empty());
    assert!(Results::read(study).unwrap().failures.is_empty());
}
