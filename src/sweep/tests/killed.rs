//! Workers that are killed at random moments, alone and beside others.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::fake::{Fake, recorded, run, study};
use crate::eval::draw;
use crate::sweep::Study;
use crate::sweep::store::Results;

/// Names the folder of the study that a worker process works on.
const FOLDER: &str = "ADMIX_TEST_STUDY";

/// A quadratic search over several generations, so that workers also plan.
const SPEC: &str = "search: {rungs: [{pool: 50}, {pool: 100}, {full: true}]}\n";

/// What a worker process runs; in a plain run of the tests it does nothing.
#[test]
fn worker_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
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
        loop {
            let mut child = worker(folder.path());
            std::thread::sleep(Duration::from_millis(5) + random(study_number, kills, 60));
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
        let until = Instant::now() + Duration::from_secs(60);
        for worker in &mut workers {
            while worker.try_wait().unwrap().is_none() {
                assert!(Instant::now() < until, "a worker waits for ever");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        holds(&study, &expected);
    }
}

/// Holds that the records are those of an undisturbed run, and that nothing else is left but unfinished files.
fn holds(study: &Study, expected: &str) {
    assert_eq!(recorded(study), expected);
    assert!(study.store.list("claim").unwrap().is_empty());
    assert!(Results::read(&study.store).unwrap().failures.is_empty());
}
