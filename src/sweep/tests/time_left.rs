//! The time that is left, on planted records.

use super::fake::{Fake, options, rewrite, study};
use crate::sweep::study::{Results, Schedule, Study, Watch};
use crate::sweep::{Ended, Options, Owner, TrialStage, time_left, work};

/// A study of 13 trials of which some are done, with claims of so many workers that live.
fn begun(folder: &std::path::Path, trials: usize) -> Study {
    let study = study(folder, "");
    let limited = Options { max_trials: Some(trials), ..options() };
    assert_eq!(work(&study, &mut Fake::new(&study), limited, &mut |_| {}).unwrap(), Ended::MaxTrials);
    study
}

/// Has every result say that it took so long, and whose it is.
fn took(study: &Study, seconds: f64, worker: &str) {
    for name in study.store.list("done").unwrap() {
        rewrite(study.store.root(), &format!("done/{name}"), |done| {
            done["timings"]["total"] = seconds.into();
            done["worker"] = worker.into();
        });
    }
}

fn left(study: &Study, workers: &[&str]) -> Option<f64> {
    let (schedule, results) = (Schedule::read(&study.store).unwrap(), Results::read(study).unwrap());
    let open: Vec<String> = schedule.trials().iter().map(|(trial, stage)| trial.key(*stage)).collect();
    let open = open.iter().filter(|key| !results.is_settled(key));
    let mut watch = Watch::default();
    let claims: Vec<_> = workers
        .iter()
        .zip(open)
        .map(|(worker, key)| {
            let owner = Owner { worker: (*worker).to_owned(), ..Owner::this() };
            study.store.claim(key, &owner, options().lease, &mut watch).unwrap().unwrap()
        })
        .collect();
    let held = study.store.claims(options().lease, &mut watch).unwrap();
    assert_eq!(held.len(), claims.len());
    time_left(&study.manifest, &schedule, &results, &held)
}

#[test]
fn the_time_left_is_that_of_finished_trials_shared_by_the_workers() {
    let folder = tempfile::tempdir().unwrap();
    // Both parents, and the end of the grid that equals the first: eleven trials are left, of which one equals a parent.
    let study = begun(folder.path(), 3);
    took(&study, 60.0, "one");
    let planned = Schedule::read(&study.store).unwrap().trials().len();
    let open = (planned - 3) as f64;
    assert!((left(&study, &["one"]).unwrap() - 60.0 * open).abs() < 1e-6);
    assert!((left(&study, &["one", "two", "three"]).unwrap() - 20.0 * open).abs() < 1e-6);
    // More workers than trials do not make the last trial shorter.
    let many: Vec<String> = (0..planned - 3).map(|worker| format!("w{worker}")).chain(["one".into()]).collect();
    let many: Vec<&str> = many.iter().rev().map(String::as_str).collect();
    assert!((left(&study, &many).unwrap() - 60.0).abs() < 1e-6);
}

#[test]
fn nothing_is_said_before_a_worker_that_lives_has_finished_a_trial() {
    let folder = tempfile::tempdir().unwrap();
    let study = begun(folder.path(), 3);
    // An earlier run on another machine says nothing of this one.
    took(&study, 1.0, "earlier");
    assert_eq!(left(&study, &["new"]), None);
    assert_eq!(left(&study, &[]), None);
}

#[test]
fn trials_that_took_over_scores_say_nothing_of_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let study = begun(folder.path(), 3);
    took(&study, 60.0, "one");
    let expected = left(&study, &["one"]);
    let reused = Results::read(&study).unwrap().done.into_iter().find(|(_, done)| done.encoded == 0);
    let (key, _) = reused.unwrap();
    rewrite(study.store.root(), &format!("done/{key}.json"), |done| done["timings"]["total"] = 0.001.into());
    assert_eq!(left(&study, &["one"]), expected);
}

#[test]
fn steps_of_a_race_do_not_count_as_whole_trials() {
    let folder = tempfile::tempdir().unwrap();
    let study = super::fake::study_with(folder.path(), "search: racing\n", 400);
    // The parents in full, and two trials of the first step.
    let limited = Options { max_trials: Some(4), ..options() };
    work(&study, &mut Fake::new(&study), limited, &mut |_| {}).unwrap();
    took(&study, 80.0, "one");
    let name = |stage: TrialStage| {
        let end = format!(".{stage}.json");
        study.store.list("done").unwrap().into_iter().filter(move |name| name.ends_with(&end)).collect::<Vec<_>>()
    };
    let race = name(TrialStage::Race(1));
    assert_eq!((race.len(), name(TrialStage::Full).len()), (2, 2));
    // Before a step has a finished trial it counts by its texts: an eighth.
    for name in &race {
        std::fs::remove_file(study.store.root().join("done").join(name)).unwrap();
    }
    let open = 12.0;
    let guessed = left(&study, &["one"]).unwrap();
    assert!((guessed - open * 10.0).abs() < 1.0, "{guessed}");
}
