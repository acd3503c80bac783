//! Reading, extending, confirming and picking.

use super::fake::{Fake, options, run, study};
use crate::sweep::file::parse_axis;
use crate::sweep::study::Results;
use crate::sweep::{
    Analysis, Bound, Depth, Ended, History, Options, Schedule, Status, Study, TrialResult, TrialStage, Watch, confirm,
    extend, journal, pick, recipe_text, retry, to_csv, to_json, to_per_query_csv, work,
};

fn finished(folder: &std::path::Path, more: &str) -> Study {
    let study = study(folder, more);
    run(&study, &mut Fake::new(&study)).unwrap();
    study
}

fn labels(analysis: &Analysis) -> Vec<&str> {
    analysis.pareto_front().map(|row| row.trial.label.as_str()).collect()
}

#[test]
fn the_front_is_the_planted_one() {
    let folder = tempfile::tempdir().unwrap();
    let study = finished(folder.path(), "");
    let analysis = Analysis::read(&study, TrialStage::Full, Depth::Intervals).unwrap();
    // Mono falls all the way; cross rises up to w = 1 but little beyond 0.9.
    assert_eq!(labels(&analysis)[..2], ["a", "b"]);
    assert!(labels(&analysis).contains(&"w=0.5"));
    assert_eq!(analysis.reference, Some(0));
    let half = analysis.rows.iter().find(|row| row.trial.label == "w=0.5").unwrap();
    let cross = half.against[1].unwrap();
    assert!(cross.is_significant() && cross.difference > 0.05, "{cross:?}");
    assert!(cross.corrected >= cross.p);
    let (low, high) = half.intervals[1];
    assert!(low < half.objectives[1] && half.objectives[1] < high);
    assert_eq!(analysis.rows[0].against, [None, None]);
}

#[test]
fn more_points_reuse_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let study = finished(folder.path(), "");
    let axis = parse_axis("w", "0.4:0.6:0.05").unwrap();
    assert_eq!(extend(&study, std::slice::from_ref(&axis)).unwrap(), 2);
    assert_eq!(extend(&study, &[axis]).unwrap(), 0);
    let mut fake = Fake::new(&study);
    run(&study, &mut fake).unwrap();
    assert_eq!(fake.scored, ["w=0.45", "w=0.55"]);
    let error = extend(&study, &[parse_axis("v", "0:1").unwrap()]).unwrap_err();
    assert_eq!(error.to_string(), "the study has no variable `v`");
}

#[test]
fn a_simplex_is_extended_by_a_step_or_by_values_of_all_but_one() {
    let three = "recipe: {merge_method: linear, models: [{model: a, parameters: {weight: \"${x}\"}}, {model: b, parameters: {weight: \"${y}\"}}, {model: c, parameters: {weight: \"${z}\"}}]}\n";
    let folder = tempfile::tempdir().unwrap();
    let study = finished(folder.path(), &format!("{three}params: {{simplex: {{of: [x, y, z], step: 0.5}}}}\n"));
    let extended = |axes: &[(&str, &str)]| {
        let axes: Vec<_> = axes.iter().map(|(name, values)| parse_axis(name, values).unwrap()).collect();
        extend(&study, &axes)
    };
    // Fifteen points in steps of a quarter, of which six are there in steps of a half.
    assert_eq!(extended(&[("simplex", "0.25")]).unwrap(), 9);
    assert_eq!(extended(&[("simplex", "0.25")]).unwrap(), 0);
    // (0.6, 0.2, 0.2), (0.6, 0.4, 0), (0.8, 0.2, 0); 0.8 and 0.4 leave nothing for z.
    assert_eq!(extended(&[("x", "0.6,0.8"), ("y", "0.2,0.4")]).unwrap(), 3);
    assert_eq!(extended(&[("x", "0.1"), ("y", "0.2,0.4"), ("z", "0.7")]).unwrap(), 1);
    let mut fake = Fake::new(&study);
    run(&study, &mut fake).unwrap();
    assert_eq!(fake.scored.len(), 13);
    assert!(fake.scored.contains(&"x=0.6 y=0.2 z=0.2".to_owned()), "{:?}", fake.scored);
    let refused = |axes| extended(axes).unwrap_err().to_string();
    assert_eq!(refused(&[("x", "0.5")]), "x, y, z sum to 1, and y and z have no values");
    assert_eq!(refused(&[("simplex", "0.3")]), "the step must be a whole part of 1, such as 0.25 or 0.1, found 0.3");
    assert_eq!(refused(&[("simplex", "0.1"), ("x", "0")]), "a step is given, and values of x, y, z beside it");
    assert!(refused(&[("x", "0.9"), ("y", "0.9")]).starts_with("none of these values"));
    assert_eq!(refused(&[("x", "0.1"), ("x", "0.2")]), "`x` is given values twice");
}

#[test]
fn failed_trials_are_tried_again_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "");
    run(&study, &mut Fake { fails: Some("w=0.3"), ..Fake::new(&study) }).unwrap();
    let status = Status::of(&study, &mut Watch::default()).unwrap();
    assert_eq!((status.planned, status.done, status.failed, status.settled), (13, 12, 1, true));
    let analysis = Analysis::read(&study, TrialStage::Full, Depth::Tests).unwrap();
    assert_eq!(analysis.failed[0].1, "planted");
    assert_eq!(retry(&study).unwrap(), ["w=0.3"]);
    let mut fake = Fake::new(&study);
    run(&study, &mut fake).unwrap();
    assert_eq!(fake.scored, ["w=0.3"]);
    assert_eq!(Status::of(&study, &mut Watch::default()).unwrap().done, 13);
    assert!(retry(&study).unwrap().is_empty());
}

#[test]
fn the_front_and_the_parents_are_confirmed_on_other_queries() {
    let folder = tempfile::tempdir().unwrap();
    let study = finished(folder.path(), "select: {part: 1/2}\nreport: {part: 2/2}\n");
    let trials = confirm(&study).unwrap();
    let front = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    assert!(trials.iter().any(|trial| trial.label == "a") && trials.len() >= labels(&front).len());
    let ended = work(&study, &mut Fake::new(&study), Options { search: false, ..options() }, &mut |_| {}).unwrap();
    assert_eq!(ended, Ended::Finished);
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Tests).unwrap();
    assert_eq!(confirmed.rows.len(), trials.len());
    for row in &confirmed.rows {
        let selected = &front.row(&row.trial.id).unwrap().objectives;
        assert_ne!(&row.objectives, selected, "other queries");
    }
    confirm(&study).unwrap();
    assert_eq!(study.store.list("plan").unwrap(), ["confirm-0000.json", "gen-0000.json"]);
    let other = tempfile::tempdir().unwrap();
    let error = confirm(&finished(other.path(), "")).unwrap_err();
    assert!(error.to_string().contains("no queries are held out"));
}

#[test]
fn a_pick_keeps_its_bounds_and_its_recipe_is_plain() {
    let folder = tempfile::tempdir().unwrap();
    let study = finished(folder.path(), "");
    let analysis = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
    let bound = |text: &str| text.parse::<Bound>().unwrap();
    let picked = pick(&study, &analysis, "cross", &[bound("mono >= -5%")]).unwrap();
    let reference = analysis.rows[0].objectives[0];
    assert!(picked.objectives[0] >= 0.95 * reference);
    let better =
        analysis.rows.iter().filter(|row| row.trial.point().is_some() && row.objectives[1] > picked.objectives[1]);
    assert!(better.into_iter().all(|row| row.objectives[0] < 0.95 * reference));
    let text = recipe_text(&study, picked).unwrap();
    assert!(text.contains(&format!("t: {}}}", picked.trial.point().unwrap()[0])), "{text}");
    assert!(text.contains(&format!("base_model: {}", folder.path().join("a").display())), "{text}");
    let error = pick(&study, &analysis, "cross", &[bound("mono >= 0.99")]).unwrap_err();
    assert_eq!(error.to_string(), "no point keeps every bound");
    let error = pick(&study, &analysis, "corss", &[]).unwrap_err();
    assert_eq!(error.hint().unwrap(), "did you mean `cross`?");
}

#[test]
fn exports_hold_every_trial_and_two_runs_give_the_same() {
    let export = || {
        let folder = tempfile::tempdir().unwrap();
        let study = finished(folder.path(), "");
        let analysis = Analysis::read(&study, TrialStage::Full, Depth::Intervals).unwrap();
        let csv = to_csv(&study, &[&analysis]);
        assert_eq!(csv.lines().count(), 14);
        assert!(csv.lines().all(|line| line.split(',').count() == csv.lines().next().unwrap().split(',').count()));
        assert_eq!(to_per_query_csv(&study, &[&analysis]).unwrap().lines().count(), 1 + 13 * 3 * 60);
        let journal = journal(&study, &analysis);
        assert_eq!(journal.lines().filter(|line| line.contains("\"op_code\":4")).count(), 11);
        let mut json = to_json(&study, &analysis, None);
        json.as_object_mut().unwrap().remove("timings");
        json.to_string()
    };
    assert_eq!(export(), export());
}

/// Records every trial of the first generation as done, without waiting for the disk.
fn fill(study: &Study) {
    let one = tempfile::tempdir().unwrap();
    let small = finished(one.path(), "params: {w: [0.5]}\n");
    let results = Results::read(&small).unwrap();
    let (key, done) = results.done.iter().next().unwrap();
    let values = small.store.per_query(key).unwrap();
    let mut schedule = Schedule::default();
    let history = History { study, generations: &[], results: &Results::default() };
    schedule.add_search(&study.store, &crate::sweep::search::next(&history).unwrap().unwrap()).unwrap();
    for (trial, stage) in schedule.trials() {
        let key = trial.key(stage);
        let values = values.to_bytes(study.store.study(), &key);
        let done = TrialResult {
            trial: trial.id.clone(),
            label: trial.label.clone(),
            subject: trial.subject.clone(),
            weights: trial.id.clone(),
            values: crate::sweep::hash::of_bytes(&values),
            ..done.clone()
        };
        let name = format!("done/{key}.json");
        let text = crate::sweep::study::seal(&done, study.store.study(), &name).unwrap();
        std::fs::write(study.store.path(&name), text).unwrap();
        std::fs::write(study.store.path(&format!("perq/{key}.bin")), &values).unwrap();
    }
}

#[test]
fn a_finished_study_of_a_thousand_trials_does_nothing_again() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "params: {w: {min: 0, max: 1, step: 0.001}}\n");
    fill(&study);
    let status = Status::of(&study, &mut Watch::default()).unwrap();
    assert_eq!(status.done, 1003);
    let again = Study::join(study.store.root()).unwrap();
    let mut fake = Fake::new(&again);
    run(&again, &mut fake).unwrap();
    assert!(fake.scored.is_empty());
    assert_eq!(Results::read(&again).unwrap().done.len(), 1003);
    assert_eq!(Schedule::read(&again.store).unwrap().search.len(), 1);
}
