//! What a worker does with a study.

use super::fake::{Fake, NEVER, options, recorded, rewrite, run, study, trade_off};
use crate::progress::Cancel;
use crate::sweep::file::SearchMethod;
use crate::sweep::study::Results;
use crate::sweep::{Ended, Error, Event, Options, Schedule, Study, TrialStage, work};

#[test]
fn a_grid_is_run_once_and_equal_weights_are_scored_once() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "");
    let mut fake = Fake::new(&study);
    assert_eq!(run(&study, &mut fake).unwrap(), Ended::Finished);
    // Two parents and nine points between them: the ends of the grid are the parents.
    assert_eq!(fake.scored.len(), 11);
    let results = Results::read(&study).unwrap();
    assert_eq!(results.done.len(), 13);
    assert!(study.store.list("claim").unwrap().is_empty());
    let schedule = Schedule::read(&study.store).unwrap();
    let labels: Vec<&str> = schedule.search[0].trials.iter().map(|trial| trial.label.as_str()).collect();
    assert_eq!(&labels[..4], ["a", "b", "w=0", "w=0.1"]);
    for trial in &schedule.search[0].trials {
        let done = &results.done[&trial.key(TrialStage::Full)];
        let values = study.manifest.all_strata(&study.store, &trial.key(TrialStage::Full)).unwrap();
        let objectives = study.manifest.objectives_of(done).unwrap();
        for (objective, strata) in objectives.iter().zip(&values) {
            assert!((objective - strata.mean().unwrap()).abs() < 1e-12);
        }
        let weights = fake.weights(&trial.subject);
        assert!((objectives[0] - trade_off(0, &weights)).abs() < 0.1, "{objectives:?}");
    }
    let before = recorded(&study);
    let mut again = Fake::new(&study);
    run(&study, &mut again).unwrap();
    assert!(again.scored.is_empty(), "nothing is scored twice");
    assert_eq!(recorded(&study), before);
}

#[test]
fn a_failing_trial_is_tried_three_times_and_the_sweep_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "");
    let mut fake = Fake { fails: Some("w=0.3"), ..Fake::new(&study) };
    let mut failed = 0;
    let mut on = |event: &Event<'_>| failed += usize::from(matches!(event, Event::Failed { .. }));
    assert_eq!(work(&study, &mut fake, options(), &mut on).unwrap(), Ended::Finished);
    assert_eq!(failed, 3);
    let results = Results::read(&study).unwrap();
    assert_eq!((results.done.len(), results.failures.len()), (12, 1));
    assert!(results.failures.values().flatten().all(|failure| failure.error == "planted"));
    assert!(study.store.list("claim").unwrap().is_empty());
}

#[test]
fn workers_stop_when_they_are_told_and_go_on_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "");
    let with = |options: Options<'_>| work(&study, &mut Fake::new(&study), options, &mut |_| {});
    assert_eq!(with(Options { max_trials: Some(3), ..options() }).unwrap(), Ended::MaxTrials);
    assert_eq!(Results::read(&study).unwrap().done.len(), 3);
    assert_eq!(with(Options { wall: Some(<_>::default()), ..options() }).unwrap(), Ended::Wall);
    let set = Cancel::new();
    set.cancel();
    assert_eq!(with(Options { finish: &set, ..options() }).unwrap(), Ended::Asked);
    assert!(matches!(with(Options { cancel: &set, ..options() }), Err(Error::Cancelled)));
    assert_eq!(Results::read(&study).unwrap().done.len(), 3);
    assert!(study.store.list("claim").unwrap().is_empty());
    assert_eq!(with(Options { cancel: &NEVER, ..options() }).unwrap(), Ended::Finished);
}

#[test]
fn a_sobol_study_has_as_many_points_as_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let study =
        study(folder.path(), "params: {w: {min: 0, max: 1}}\nsearch: {method: sobol, seed: 3}\nbudget: {trials: 8}\n");
    assert_eq!(study.manifest.spec.search.method, SearchMethod::Sobol);
    run(&study, &mut Fake::new(&study)).unwrap();
    assert_eq!(Results::read(&study).unwrap().done.len(), 10);
}

#[test]
fn another_spec_or_version_is_refused_with_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "");
    let root = study.store.root();
    let other = super::fake::manifest(folder.path(), "params: {w: {min: 0, max: 1, step: 0.05}}\n");
    let error = Study::create_from(other, root).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the study `{}` was made from something else:\n  params[0].range.step: was 0.1, is 0.05",
            root.display()
        )
    );
    let path = root.join("study.json");
    let text = std::fs::read_to_string(&path).unwrap();
    rewrite(root, "study.json", |study| study["admix"] = "9.9.9".into());
    let error = Study::join(root).unwrap_err().to_string();
    assert!(error.contains("made by admix 9.9.9, this is"), "{error}");
    std::fs::write(&path, text.replace("\"schema\": 2", "\"schema\": 3")).unwrap();
    let error = Study::open(root).unwrap_err().to_string();
    assert!(error.contains("has form 3, this program reads form 2"), "{error}");
    std::fs::write(&path, "{\"schema\": 1, \"admix\": \"0.0.9\"}").unwrap();
    let error = Study::open(root).unwrap_err().to_string();
    assert!(error.contains("no checksums: its trials must be scored again"), "{error}");
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    assert!(matches!(Study::open(root), Err(Error::Damaged { .. })));
    assert!(matches!(Study::open(folder.path()), Err(Error::NotAStudy(_))));
}
