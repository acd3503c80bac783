//! Studies whose sweep file changes: what stands is kept.

use std::path::Path;

use super::fake::{Fake, manifest, options, recorded, run, study, trade_off};
use crate::diagnose::Diagnose as _;
use crate::sweep::study::{Manifest, Results};
use crate::sweep::{
    Analysis, Change, Depth, Error, Options, Preference, Study, TrialStage, check, confirm, recommend, work,
};

/// The study after a change of its sweep file.
fn changed(study: &Study, folder: &Path, more: &str, change: impl FnOnce(&mut Manifest)) -> Study {
    let mut manifest = manifest(folder, more);
    change(&mut manifest);
    let preview = study.clone().revised(manifest, Change::Revised(Vec::new()));
    preview.write().unwrap().writable().unwrap()
}

fn finished(folder: &Path) -> Study {
    let study = study(folder, "");
    run(&study, &mut Fake::new(&study)).unwrap();
    study
}

const FINER: &str = "params: {w: {min: 0, max: 1, step: 0.05}}\n";

#[test]
fn new_points_alone_are_scored_and_old_ones_stay_where_the_grid_leaves_them_out() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path());
    let study = changed(&before, folder.path(), FINER, |_| {});
    let mut fake = Fake::new(&study);
    run(&study, &mut fake).unwrap();
    assert_eq!(fake.scored.len(), 10, "{:?}", fake.scored);
    assert!(fake.scored.iter().all(|label| label.ends_with('5') && label != "w=0.5"), "{:?}", fake.scored);
    // A coarser grid loses nothing.
    let study = changed(&study, folder.path(), "params: {w: [0, 0.33, 1]}\n", |_| {});
    let mut fake = Fake::new(&study);
    run(&study, &mut fake).unwrap();
    assert_eq!(fake.scored, ["w=0.33"]);
    let rows = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap().rows;
    assert_eq!(rows.len(), 2 + 21 + 1);
    let again = Study::join(study.store.root()).unwrap();
    assert_eq!((again.store.path("done"), again.earlier.len()), (study.store.path("done"), 2));
    assert!(check(&again).unwrap().damaged.is_empty());
}

#[test]
fn a_data_set_with_other_content_is_scored_alone_and_the_rest_is_kept_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path());
    let study = changed(&before, folder.path(), "", |manifest| {
        manifest.sets.swap(0, 1);
        manifest.objectives = vec![vec![1], vec![0, 2]];
        manifest.sets[2].content = "other".into();
    });
    let mut fake = Fake::new(&study);
    // The fake knows its sets by their places: only the last one is asked for.
    run(&study, &mut fake).unwrap();
    assert!(fake.asked.iter().all(|sets| sets == &[2]) && fake.asked.len() == 11, "{:?}", fake.asked);
    let results = Results::read(&study).unwrap();
    for (key, old) in &Results::read(&before).unwrap().done {
        let new = &results.done[key];
        assert_eq!((&new.sets[1].means, &new.sets[0].means), (&old.sets[0].means, &old.sets[1].means));
        let [new, old] = [&study, &before].map(|study| study.store.per_query(key).unwrap());
        assert_eq!((&new.sets[1], &new.sets[0]), (&old.sets[0], &old.sets[1]));
    }
}

#[test]
fn weights_that_differ_have_scores_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path());
    let study = changed(&before, folder.path(), "", |manifest| manifest.sets[1].content = "other".into());
    // As if the same recipe gave another merge now.
    super::fake::rewrite(before.store.root(), &format!("done/{}", name_of(&before, "w=0.5")), |done| {
        done["weights"] = "elsewhere".into();
    });
    let mut fake = Fake::new(&study);
    run(&study, &mut fake).unwrap();
    let at = fake.scored.iter().position(|label| label == "w=0.5").unwrap();
    assert_eq!(fake.asked[at], [0, 1, 2]);
    assert!(fake.asked.iter().enumerate().all(|(index, sets)| index == at || sets == &[1]), "{:?}", fake.asked);
}

fn name_of(study: &Study, label: &str) -> String {
    let results = Results::read(study).unwrap();
    let (key, _) = results.done.iter().find(|(_, done)| done.label == label).unwrap();
    format!("{key}.json")
}

#[test]
fn a_change_that_is_cut_short_ends_as_one_that_is_not() {
    let ended = |stops: &[usize]| {
        let folder = tempfile::tempdir().unwrap();
        let before = finished(folder.path());
        let study = changed(&before, folder.path(), FINER, |manifest| manifest.sets[0].content = "other".into());
        for stop in stops {
            let study = Study::join(study.store.root()).unwrap();
            let options = Options { max_trials: Some(*stop), ..options() };
            work(&study, &mut Fake::new(&study), options, &mut |_| {}).unwrap();
            assert!(check(&study).unwrap().damaged.is_empty());
        }
        run(&study, &mut Fake::new(&study)).unwrap();
        assert_eq!(Results::read(&before).unwrap().done.len(), 13, "the earlier revision is as it was");
        recorded(&study)
    };
    assert_eq!(ended(&[1, 4, 9]), ended(&[]));
}

#[test]
fn a_form_that_is_missing_or_of_another_study_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let before = finished(folder.path());
    let study = changed(&before, folder.path(), FINER, |_| {});
    let path = study.store.path("study.json");
    let text = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = Study::open(study.store.root()).unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }) && error.to_string().contains("revision-1/study.json"), "{error}");
    assert!(error.hint().unwrap().contains("the study is what it was before"), "{:?}", error.hint());
    std::fs::write(&path, text).unwrap();
    super::fake::rewrite(&study.store.path(""), "study.json", |study| study["revises"] = "another".into());
    let error = Study::open(study.store.root()).unwrap_err();
    assert!(error.to_string().contains("a change of another study"), "{error}");
}

#[test]
fn what_the_search_promised_stands_beside_what_held_out_queries_gave() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), "select: {part: 1/2}\nreport: {part: 2/2}\nkeep: {mono: \">= -20%\"}\n");
    let less = |set, weights: &[f64]| trade_off(set, weights) - if set > 0 { 0.05 * weights[1] } else { 0.0 };
    let mut fake = Fake { held_out: Some(less), ..Fake::new(&study) };
    run(&study, &mut fake).unwrap();
    let read = |stage| Analysis::read(&study, stage, Depth::Means).unwrap();
    let (full, none) = (read(TrialStage::Full), read(TrialStage::Confirm));
    let found = recommend(&study, &full, &none, &Preference::default()).unwrap().unwrap();
    assert!(found.optimism.is_none() && !found.held_out);
    confirm(&study).unwrap();
    run(&study, &mut fake).unwrap();
    let confirmed = read(TrialStage::Confirm);
    let found = recommend(&study, &full, &confirmed, &Preference::default()).unwrap().unwrap();
    let optimism = found.optimism.unwrap();
    let weight = found.row.trial.point().unwrap()[0];
    // Half of the objectives lose 0.05 w.
    assert!((optimism.promised - found.gain).abs() < 1e-12);
    assert!((optimism.difference() + 0.025 * weight).abs() < 0.01, "{optimism:?} at {weight}");
    let (low, high) = optimism.interval.unwrap();
    assert!(low < optimism.difference() && optimism.difference() < high && high - low < 0.05, "{optimism:?}");
}
